/**
 * A point in the history of a queue: ms since the epoch, or a position in the transport's own words (the id of an entry, an
 * offset). `'0'` is the beginning everywhere.
 */
export type HistoryPoint = number | string;

/** Events of one queue that one group may want again. */
export interface HistoryRange {
  readonly queue: string;
  readonly group: string;
  /** From here on, it included. */
  readonly since: HistoryPoint;
  /** Up to here, it included. Default: whatever the group has come to when it is asked. */
  readonly until?: HistoryPoint;
}

/** What a queue still has of its past. */
export interface HistoryView {
  /** Groups that consume the queue, sorted; a group that is none of them cannot be given anything. */
  readonly groups: readonly string[];
  /** When the oldest event that is kept was published, ms since the epoch; undefined: none is kept. */
  readonly oldestAt: number | undefined;
  /** The range begins before that, and older ones were there: some that it asks for may be gone. */
  readonly isCut: boolean;
  /** What decides how long events are kept, and where that is set; a sentence for a person. */
  readonly keeps: string;
}

/** An event that was published and is kept. */
export interface PastEvent {
  /** Where it lies: what a range may begin and end with. */
  readonly position: string;
  /** What its deliveries have for theirs. */
  readonly id: string;
  readonly publishedAt: number | undefined;
  readonly body: Uint8Array;
  /** As in a delivery: attributes of a CloudEvent in binary mode. */
  readonly cloudEvent?: Readonly<Record<string, string>> | undefined;
}

/** Who is to have events again. */
export interface ReplayTarget {
  readonly queue: string;
  readonly group: string;
  /** The one listener; undefined: every listener of the event. */
  readonly listener: string | undefined;
}

/** Ability: a transport that keeps events that were handled, and can hand them to one group again. */
export interface HistoryAccess {
  /** @throws {ThrunError} THRUN_INPUT for a point that is none of this transport's */
  look(range: HistoryRange): Promise<HistoryView>;
  /**
   * What is kept of the range, page by page, each once, the oldest first (on a transport that splits its queues: within each
   * part). Nothing is taken or changed by it. What the group has yet to receive for the first time is left out, for it comes
   * anyway; what was published after the first page was asked for is left out as well.
   * @throws {ThrunError} THRUN_INPUT for a point that is none of this transport's
   */
  read(range: HistoryRange): AsyncIterable<readonly PastEvent[]>;
  /**
   * Delivers events of `read` once more, to this group alone: the same bytes, id and `publishedAt`, attempts and crashes at
   * zero, in the order given where the transport has one. Whatever the group holds, waits for or has yet to read is as it
   * was. Resolves once they are as durable as a publish, to how many there were: those deleted meanwhile are not counted.
   * @throws {ThrunError} as `publish` does; all of one call or none, where `atomicPublish`
   */
  replay(events: readonly PastEvent[], target: ReplayTarget): Promise<number>;
}
