import { Ahead, AHEAD } from './kafka-ahead.js';
import type { CommittedOffset, KafkaRecord, Place } from './kafka-client.js';
import { Earlier } from './kafka-earlier.js';
import { type Entry, entryOf } from './kafka-entry.js';
import { Keys } from './kafka-keys.js';
import { BEGUN, DONE, FREE, HELD, type Run, type Status, writeRuns } from './kafka-ledger-text.js';

/** A group that begins has left nothing behind. */
const NOTHING = { offset: 0, metadata: '' };

/**
 * What is known of one partition between the first offset that is not settled and the last that was read. It is what is
 * committed: the offset, and beside it what lies open after it. So a crash delivers again what was open and nothing else,
 * and how often that happened is counted although Kafka does not.
 */
export class Ledger {
  /** In order of their offsets. */
  #entries: Entry[] = [];
  /** The first that is not settled. */
  #first = 0;
  /** One past the last of which something is to be said. */
  #told = 0;
  readonly #earlier: Earlier;
  readonly #keys = new Keys();
  /** Where the next fetch begins. */
  position: number;
  /** In the hands of workers. */
  given = 0;
  /** Read, and in nobody's hands; and their bytes. */
  waiting = 0;
  waitingBytes = 0;
  /** The partition is somebody else's now. */
  isGone = false;
  /** Something changed since it was last committed. */
  isDirty = false;
  readonly #ahead = new Ahead();

  /**
   * @param isOurs nobody else writes there, so the counts in headers are believed
   * @param start the first offset there is; where nothing was committed, the group begins here
   * @param end one past the last there is: of what comes later nobody has received anything
   */
  constructor(
    readonly place: Place,
    readonly isOurs: boolean,
    committed: CommittedOffset | undefined,
    start: number,
    end = Number.POSITIVE_INFINITY,
  ) {
    this.position = committed?.offset ?? start;
    this.#earlier = new Earlier(committed ?? NOTHING, end);
    this.isDirty = this.#earlier.isTakenOver;
  }

  /** The first offset that is not settled: what is committed. */
  get low(): number {
    return this.#entries[this.#first]?.offset ?? this.position;
  }

  /** The first that is in nobody's hands. */
  get firstWaiting(): number {
    for (let i = this.#first; i < this.#entries.length; i++) {
      const entry = this.#entries[i] as Entry;
      if (entry.status !== DONE && !entry.isGiven) return entry.offset;
    }
    return this.position;
  }

  /** Read and not settled. */
  get open(): number {
    return this.#entries.length - this.#first;
  }

  /** @returns those that may be delivered, in order, claimed where they were held ahead; the others wait for their key */
  add(records: readonly KafkaRecord[], next: number): readonly Entry[] {
    const ready: Entry[] = [];
    for (const record of records) {
      if (record.offset < this.position) continue;
      const run = this.#earlier.at(record.offset);
      const entry = entryOf(this, record, run?.status === DONE);
      this.#entries.push(entry);
      this.position = record.offset + 1;
      if (run) this.#recall(entry, run);
      if (entry.status !== FREE) continue;
      this.waiting++;
      this.waitingBytes += entry.size;
      if (!this.#keys.mayRun(entry)) continue;
      if (this.#ahead.holds(record.offset) && entry.counts.due === undefined) this.claim(entry);
      ready.push(entry);
    }
    this.position = Math.max(this.position, next);
    this.#advance();
    return ready;
  }

  claim(entry: Entry): void {
    entry.status = HELD;
    this.isDirty = true;
    this.#tell(entry);
  }

  give(entry: Entry): void {
    entry.isGiven = true;
    this.given++;
    this.waiting--;
    this.waitingBytes -= entry.size;
  }

  begin(entry: Entry): void {
    entry.status = BEGUN;
    this.isDirty = true;
  }

  /** It was not received. */
  free(entry: Entry): void {
    if (entry.isGiven) this.#takeBack(entry);
    entry.status = FREE;
    this.isDirty = true;
  }

  /** @returns what waited for its key and is next */
  done(entry: Entry): Entry | undefined {
    if (entry.isGiven) this.#takeBack(entry);
    this.#settle(entry);
    this.isDirty = true;
    this.#advance();
    return this.#keys.next(entry);
  }

  #takeBack(entry: Entry): void {
    entry.isGiven = false;
    this.given--;
    this.waiting++;
    this.waitingBytes += entry.size;
  }

  #settle(entry: Entry): void {
    entry.status = DONE;
    this.#tell(entry);
    this.waiting--;
    this.waitingBytes -= entry.size;
    // Behind one that is stuck many may be done: their bytes are not kept for it.
    entry.record = undefined;
  }

  /** Everything that is in nobody's hands is settled, and so is what was not read up to `offset`. */
  purge(offset: number): void {
    for (const entry of this.#entries.slice(this.#first)) {
      if (entry.status === DONE || entry.isGiven) continue;
      this.#settle(entry);
    }
    this.#keys.purge((key) => this.#entries.some((one) => one.key === key && one.isGiven && one.status !== DONE));
    this.skipTo(offset);
    this.isDirty = true;
  }

  /** What lies before the offset and was not read is gone. @returns how many offsets that are */
  skipTo(offset: number): number {
    const skipped = Math.max(0, offset - this.position);
    this.position = Math.max(this.position, offset);
    this.#advance();
    return skipped;
  }

  /** How many times the state would have to change its word: it has to fit beside an offset. */
  get runs(): number {
    return this.#runs().length;
  }

  /** @param isAhead what comes next is to be held before it is there */
  commit(isAhead = false): CommittedOffset {
    this.isDirty = false;
    // Where much is waiting claims are made ahead of the need anyway; and what a dead worker said of more is not written over.
    const isFree = this.waiting <= AHEAD && this.#earlier.end <= this.position;
    const ahead = isAhead && isFree ? this.position + AHEAD : 0;
    this.#ahead.tell(ahead);
    return { ...this.place, offset: this.low, metadata: writeRuns(this.#runs(ahead)) };
  }

  /** The last commit has been answered. */
  committed(): void {
    this.#ahead.answered();
  }

  /** Nothing that comes is received without a claim of its own any more. */
  standBack(): void {
    if (this.isAhead) this.isDirty = true;
    this.#ahead.tell(0);
  }

  get isAhead(): boolean {
    return this.#ahead.reaches(this.position);
  }

  #recall(entry: Entry, { status, vain, begun }: Run): void {
    entry.status = status;
    entry.vain = vain;
    entry.begun = begun;
    this.#told = this.#entries.length;
  }

  #tell(entry: Entry): void {
    // Claims come nearly in order: mostly it is the next one.
    for (let i = this.#told; i < this.#entries.length && (this.#entries[i] as Entry).offset <= entry.offset; i++) {
      this.#told = i + 1;
    }
  }

  #advance(): void {
    while (this.#entries[this.#first]?.status === DONE) this.#first++;
    if (this.#first > 1000 && this.#first > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#first);
      this.#told = Math.max(0, this.#told - this.#first);
      this.#first = 0;
    }
    this.#told = Math.max(this.#told, this.#first);
  }

  /** @param ahead up to there all that was not read is held */
  #runs(ahead = 0): readonly Run[] {
    if (ahead > 0) this.#told = this.#entries.length;
    const runs: { length: number; status: Status; vain: number; begun: number }[] = [];
    let last: (typeof runs)[number] | undefined;
    let expected = this.low;
    for (let i = this.#first; i < this.#told; i++) {
      const { offset, status, vain, begun } = this.#entries[i] as Entry;
      // What was skipped in between is none of anybody's.
      if (last && offset > expected) last.length += offset - expected;
      expected = offset + 1;
      if (last?.status === status && last.vain === vain && last.begun === begun) last.length++;
      else runs.push((last = { length: 1, status, vain, begun }));
    }
    // Then everything read so far has been told of, and what comes next lies where it did.
    const isMore = !this.#earlier.isEmpty || ahead > 0;
    if (last && isMore && this.position > expected) last.length += this.position - expected;
    runs.push(...this.#earlier.after(Math.max(expected, this.position, this.low)));
    if (ahead > 0) runs.push({ length: ahead - this.position, status: HELD, vain: 0, begun: 0 });
    return runs;
  }
}
