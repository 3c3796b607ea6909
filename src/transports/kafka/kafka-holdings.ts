import type { KafkaClient, Fetched, MemberLink, Place } from './kafka-client.js';
import { placeKey } from './kafka-client.js';
import type { Committable } from './kafka-commits.js';
import type { Entry } from './kafka-entry.js';
import { Ledger } from './kafka-ledger.js';
import { isOurs, roleOf } from './kafka-names.js';
import type { Wanted } from './kafka-questions.js';
import { WaitingLine } from './kafka-waiting-line.js';

export interface HoldingsParts {
  readonly link: MemberLink;
  readonly client: KafkaClient;
  /** So many records were deleted before the group had received them. */
  readonly onMissed: (place: Place, count: number) => void;
  /** One record is not settled, and too many behind it are. */
  readonly onStuck: (ledger: Ledger) => void;
  /** What is in hand of it is somebody else's. */
  readonly onDropped: (ledger: Ledger) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** Read ahead of each partition, at most. */
const MOST_WAITING = 4000;
const MOST_BYTES = 4 * 1024 * 1024;
/** Settled behind one that is not: then its partition has to wait for it. */
const MOST_OPEN = 20_000;
const MOST_RUNS = 2000;

/** So many settled records of our own topics are deleted at once. */
const TRIM = 1000;

/** The partitions a member has: ledgers of those it receives from, and lines of what waits for its time. */
export class Holdings {
  readonly #parts: HoldingsParts;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #lines = new Map<string, WaitingLine>();
  readonly #trimmed = new Map<string, number>();
  /** There is more to read than there is room for. */
  hasFull = false;

  constructor(parts: HoldingsParts) {
    this.#parts = parts;
  }

  get ledgers(): readonly Ledger[] {
    return [...this.#ledgers.values()];
  }

  get lines(): readonly WaitingLine[] {
    return [...this.#lines.values()];
  }

  get all(): readonly (Committable & { readonly place: Place })[] {
    return [...this.#ledgers.values(), ...this.#lines.values()];
  }

  ledgerOf(place: Place): Ledger | undefined {
    return this.#ledgers.get(placeKey(place));
  }

  /** Something is held that was not read. */
  get isAhead(): boolean {
    return this.ledgers.some(({ isAhead }) => isAhead);
  }

  standBack(): void {
    for (const ledger of this.#ledgers.values()) ledger.standBack();
  }

  isMine(line: WaitingLine): boolean {
    return this.#lines.get(placeKey(line.place)) === line;
  }

  /** From now on it has these, and no others. */
  async share(places: readonly Place[]): Promise<void> {
    const keys = new Set(places.map(placeKey));
    for (const [key, ledger] of this.#ledgers) if (!keys.has(key)) this.#drop(key, ledger);
    for (const key of this.#lines.keys()) if (!keys.has(key)) this.#lines.delete(key);
    const added = places.filter((place) => !this.#ledgers.has(placeKey(place)) && !this.#lines.has(placeKey(place)));
    if (added.length > 0) await this.#add(added);
  }

  clear(): void {
    for (const [key, ledger] of this.#ledgers) this.#drop(key, ledger);
    this.#lines.clear();
  }

  /** Where there is room for more, and from which offset. */
  wanted(): readonly Wanted[] {
    const wanted: Wanted[] = [];
    this.hasFull = false;
    for (const ledger of this.#ledgers.values()) {
      if (ledger.waiting >= MOST_WAITING || ledger.waitingBytes >= MOST_BYTES) this.hasFull = true;
      else if (isStuck(ledger)) this.#parts.onStuck(ledger);
      else wanted.push(wantedOf(ledger, ledger.isOurs));
    }
    for (const line of this.#lines.values()) {
      if (line.hasRoom) wanted.push(wantedOf(line, true));
    }
    return wanted;
  }

  /** @returns what may be delivered of it; an answer to a question that is out of date says nothing */
  receive({ topic, partition, records, next }: Fetched, from: number): readonly Entry[] {
    const key = placeKey({ topic, partition });
    const line = this.#lines.get(key);
    if (line?.position === from && records.length > 0) line.add(records, next);
    const ledger = this.#ledgers.get(key);
    return ledger?.position === from ? ledger.add(records, next) : [];
  }

  /** What was to be read there is not there any more, or not yet. */
  async outOfRange(place: Place): Promise<void> {
    const { client, onMissed } = this.#parts;
    const key = placeKey(place);
    const one = this.#ledgers.get(key) ?? this.#lines.get(key);
    if (!one) return;
    const [[start = 0], [end = 0]] = await Promise.all([
      client.offsets([place], 'earliest'),
      client.offsets([place], 'latest'),
    ]);
    if (one.position < start) onMissed(place, one.skipTo(start));
    if (one.position <= end) return;
    // There is less than there was: the topic was deleted and made anew.
    onMissed(place, one.position - end);
    if (one instanceof Ledger) {
      this.#drop(key, one);
      this.#ledgers.set(key, new Ledger(place, one.isOurs, undefined, start));
    } else this.#lines.set(key, new WaitingLine(place, one.isOurs, undefined, start));
  }

  /** What waits in one place, up to an offset, is settled. @returns whether it is here */
  purge(place: Place, end: number): boolean {
    const key = placeKey(place);
    const ledger = this.#ledgers.get(key);
    const line = this.#lines.get(key);
    ledger?.purge(end);
    line?.purge(end);
    return ledger !== undefined || line !== undefined;
  }

  /** What is settled in topics of the group's own nobody needs any more. */
  trim(): void {
    const { client, onTrouble } = this.#parts;
    for (const { place, low, isOurs } of [...this.#ledgers.values(), ...this.#lines.values()]) {
      const key = placeKey(place);
      if (!isOurs || low - (this.#trimmed.get(key) ?? 0) < TRIM) continue;
      this.#trimmed.set(key, low);
      client.deleteBefore(place, low).catch(onTrouble);
    }
  }

  async #add(places: readonly Place[]): Promise<void> {
    const { link, client, onMissed } = this.#parts;
    const topics = [...new Set(places.map(({ topic }) => topic))];
    const [committed, starts, ends] = await Promise.all([
      link.committed(topics),
      client.offsets(places, 'earliest'),
      client.offsets(places, 'latest'),
    ]);
    for (const [i, place] of places.entries()) {
      const key = placeKey(place);
      const start = starts[i] ?? 0;
      const known = committed.get(key);
      const isOwn = isOurs(place.topic);
      const isWait = roleOf(place.topic).kind === 'wait';
      const one = isWait
        ? new WaitingLine(place, isOwn, known, start)
        : new Ledger(place, isOwn, known, start, ends[i]);
      if (known && start > known.offset) onMissed(place, one.skipTo(start));
      // From now on the group is there, and nothing that is published passes it by; and what comes next may be held ahead.
      if (!known || !isWait) one.isDirty = true;
      if (one instanceof Ledger) this.#ledgers.set(key, one);
      else this.#lines.set(key, one);
    }
  }

  #drop(key: string, ledger: Ledger): void {
    this.#ledgers.delete(key);
    ledger.isGone = true;
    this.#parts.onDropped(ledger);
  }
}

function wantedOf({ place: { topic, partition }, position }: Ledger | WaitingLine, isBeside: boolean): Wanted {
  return { topic, partition, offset: position, isBeside };
}

function isStuck(ledger: Ledger): boolean {
  return ledger.open >= MOST_WAITING && (ledger.open >= MOST_OPEN || ledger.runs >= MOST_RUNS);
}
