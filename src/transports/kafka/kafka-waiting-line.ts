import { type CommittedOffset, type KafkaRecord, type Place } from './kafka-client.js';
import { countsOf, type Counts, NO_COUNTS, OWN, wholeIn } from './kafka-headers.js';
import { RUNGS } from './kafka-ladder.js';
import type { Committable } from './kafka-commits.js';

/** More than these are not looked at ahead of their time. */
const MOST = 500;

/** One rung of the ladder: what lies there waits equally long, so only the first is looked at. */
export class WaitingLine implements Committable {
  #records: KafkaRecord[] = [];
  /** Where the next fetch begins. */
  position: number;
  isDirty = false;
  /** They are just being passed on. */
  isBusy = false;

  /** @param isOurs the group's own, where counts in headers are believed */
  constructor(
    readonly place: Place,
    readonly isOurs: boolean,
    committed: CommittedOffset | undefined,
    start: number,
  ) {
    this.position = committed?.offset ?? start;
  }

  get low(): number {
    return this.#records[0]?.offset ?? this.position;
  }

  get hasRoom(): boolean {
    return this.#records.length < MOST;
  }

  /** When the first of them is to go on; undefined: none is known. */
  get nextAt(): number | undefined {
    return this.#records[0] && this.#leavesAt(this.#records[0]);
  }

  add(records: readonly KafkaRecord[], next: number): void {
    for (const record of records) if (record.offset >= this.position) this.#records.push(record);
    this.position = Math.max(this.position, next);
    if (records.length === 0) this.isDirty = true;
  }

  /** Those whose time here is over. */
  leaving(now: number): readonly { readonly record: KafkaRecord; readonly counts: Counts }[] {
    const end = this.#records.findIndex((record) => this.#leavesAt(record) > now);
    return this.#records.slice(0, end < 0 ? this.#records.length : end).map((record) => {
      const due = wholeIn(record.headers, OWN.due);
      const counts = this.isOurs ? countsOf(record.headers) : { ...NO_COUNTS, due };
      return { record, counts: due !== undefined && due <= now ? { ...counts, due: undefined } : counts };
    });
  }

  /** The first `count` have gone on. */
  left(count: number): void {
    this.#records = this.#records.slice(count);
    this.isDirty = true;
  }

  /** What waits is deleted. @returns how many were known */
  purge(offset: number): void {
    this.#records = [];
    this.position = Math.max(this.position, offset);
    this.isDirty = true;
  }

  skipTo(offset: number): number {
    const skipped = Math.max(0, offset - this.position);
    this.position = Math.max(this.position, offset);
    this.isDirty = true;
    return skipped;
  }

  commit(): CommittedOffset {
    this.isDirty = false;
    return { ...this.place, offset: this.low, metadata: '' };
  }

  #leavesAt({ headers, timestamp }: KafkaRecord): number {
    const over = timestamp + (RUNGS[this.place.partition] ?? 0);
    return Math.min(over, wholeIn(headers, OWN.due) ?? over);
  }
}
