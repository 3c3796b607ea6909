import type { Clock } from '../../contracts/clock.js';
import type { Successor } from '../../contracts/delivery.js';
import type { TransportNotice } from '../../contracts/transport.js';
import { byTopic } from './kafka-assigner.js';
import { codeOf, type Fetched, GONE, type KafkaClient, type MemberLink, type Place, placeKey } from './kafka-client.js';
import { Commits } from './kafka-commits.js';
import { KafkaDelivery, type Settling } from './kafka-delivery.js';
import { textOf } from './kafka-errors.js';
import { Fetcher } from './kafka-fetcher.js';
import { Health } from './kafka-health.js';
import { Ledger, type Entry } from './kafka-ledger.js';
import { Membership } from './kafka-membership.js';
import { groupId, roleOf } from './kafka-names.js';
import type { Parcels } from './kafka-parcels.js';
import { Pool } from './kafka-pool.js';
import type { Sender } from './kafka-sender.js';
import { WaitingLine } from './kafka-waiting-line.js';

export interface MemberParts {
  readonly client: KafkaClient;
  readonly parcels: Parcels;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly heartbeatMs: number;
}

export interface MemberOptions {
  readonly queue: string;
  readonly group: string;
  readonly visibilityMs: number;
  readonly topics: readonly string[];
  /** Makes topics anew that somebody deleted. */
  readonly renew: () => Promise<void>;
  readonly onNotice: (notice: TransportNotice) => void;
}

/** Nobody asked for so long: whoever wants to work gets what this member has. */
const REST_MS = 300;

/** Before a rebalance what runs may take so long to end; what runs longer keeps its partition where it is. */
const DRAIN_MS = 500;
const COMMIT_MS = 2000;

/** Between two attempts to write what becomes of a delivery. */
const PAUSE_MS = 500;

/** Read ahead of each partition, at most. */
const MOST_WAITING = 4000;
const MOST_BYTES = 4 * 1024 * 1024;
/** Settled behind one that is not: then its partition has to wait for it. */
const MOST_OPEN = 20_000;
const MOST_RUNS = 2000;

/** So many settled records of our own topics are deleted at once. */
const TRIM = 1000;

const DONE = Promise.resolve();

/** Settlements that the same commit writes. */
interface Round {
  readonly writing: Promise<boolean>;
  readonly written: Promise<void>;
  readonly deliveries: KafkaDelivery[];
}

/** One process's seat in the group of one queue: everything its consumers there receive comes through it. */
export class Member implements Settling {
  readonly #options: MemberOptions;
  readonly #parts: MemberParts;
  readonly #link: MemberLink;
  readonly #membership: Membership;
  readonly #fetcher: Fetcher;
  readonly #commits: Commits;
  readonly #health: Health;
  readonly #pool: Pool;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #lines = new Map<string, WaitingLine>();
  readonly #held = new Set<KafkaDelivery>();
  readonly #replacing = new Set<Promise<void>>();
  readonly #trimmed = new Map<string, number>();
  #idle: (() => void)[] = [];
  #round: Round | undefined;
  #renewing: Promise<void> | undefined;
  #asking = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #lineTimer: (() => void) | undefined;
  /** There is more to read than there is room for. */
  #hasFull = false;
  #isClosed = false;

  constructor(options: MemberOptions, parts: MemberParts) {
    this.#options = options;
    this.#parts = parts;
    const { client, clock, heartbeatMs } = parts;
    const { queue, group, topics, visibilityMs } = options;
    this.#link = client.member(groupId(queue, group));
    this.#health = new Health(clock, (notice) => {
      if (!this.#isClosed) options.onNotice(notice);
    });
    const heard = {
      onAnswer: () => this.#health.answered(),
      onTrouble: (error: unknown) => this.#trouble(error),
    };
    const common = { link: this.#link, clock, topics, ...heard };
    this.#membership = new Membership({
      ...common,
      sessionMs: visibilityMs,
      heartbeatMs,
      isWanted: () => this.#isWanted,
      beforeJoin: () => this.#finish(),
      facts: () => this.#facts(),
      onShare: (places, isNew) => this.#share(places, isNew),
      onMoved: () => this.#go(),
      onLost: () => this.#dropAll(),
    });
    this.#commits = new Commits({
      ...common,
      membership: () => this.#membership,
      places: () => this.#places(),
      onWritten: () => this.#trim(),
    });
    this.#fetcher = new Fetcher({
      ...common,
      wanted: () => this.#wanted(),
      onUnreadable: (place, error) => this.#unreadable(place, error),
      isHurried: () => this.#hasFull && this.#pool.isQuick,
      onFetched: (fetched, from) => this.#receive(fetched, from),
      onOutOfRange: (place) => this.#outOfRange(place),
    });
    this.#pool = new Pool({
      clock,
      isOpen: () => !this.#membership.isMoving,
      write: () => this.#commits.now(),
      onLate: (entries) => void this.#passOn(entries),
      onRoom: () => this.#fetcher.wake(),
    });
  }

  /** Whoever waits is woken when there is something. */
  listen(wake: () => void): () => void {
    return this.#pool.listen(wake);
  }

  /** Somebody asks, until the returned function is called. */
  ask(): () => void {
    this.#asking++;
    this.#membership.start();
    return () => {
      this.#asking--;
      this.#askedAt = performance.now();
      this.#pool.restLater(REST_MS, () => !this.#isAsking);
    };
  }

  /** It has come as far as reading. */
  get isReading(): boolean {
    return this.#ledgers.size > 0;
  }

  take(max: number, isQuick: boolean, onSettled: (delivery: KafkaDelivery) => void): KafkaDelivery[] {
    return this.#pool.take(max, isQuick).map((entry) => {
      entry.ledger.give(entry);
      const delivery = new KafkaDelivery(this, entry, this.#options.queue, onSettled);
      this.#held.add(delivery);
      return delivery;
    });
  }

  async begun(delivery: KafkaDelivery): Promise<void> {
    delivery.entry.ledger.begin(delivery.entry);
    await this.#commits.now();
  }

  acked(delivery: KafkaDelivery): Promise<void> {
    if (!this.#letGo(delivery)) return DONE;
    const { entry } = delivery;
    this.#pool.add(entry.ledger.done(entry));
    return this.#written(delivery, this.#commits.soon());
  }

  handedBack(delivery: KafkaDelivery): Promise<void> {
    if (!this.#letGo(delivery)) return DONE;
    delivery.entry.ledger.free(delivery.entry);
    this.#pool.putBack([delivery.entry]);
    return this.#written(delivery, this.#commits.now());
  }

  replaced(delivery: KafkaDelivery, successors: readonly Successor[]): Promise<void> {
    const replacing = this.#replace(delivery, successors);
    this.#replacing.add(replacing);
    const done = () => this.#replacing.delete(replacing);
    replacing.then(done, done);
    return replacing;
  }

  /** Every settlement so far is written, or its lease was lost. */
  async flush(): Promise<void> {
    await Promise.all(this.#replacing);
    if (this.#membership.seat) await this.#commits.now();
  }

  /** It reads this partition. */
  has(place: Place): boolean {
    return this.#ledgers.has(placeKey(place));
  }

  ledgerOf(place: Place): Ledger | undefined {
    return this.#ledgers.get(placeKey(place));
  }

  /** What waits in one place, up to an offset, is settled. */
  async purge(place: Place, end: number): Promise<void> {
    const key = placeKey(place);
    const ledger = this.#ledgers.get(key);
    const line = this.#lines.get(key);
    if (!ledger && !line) return;
    ledger?.purge(end);
    line?.purge(end);
    this.#pool.sweep();
    await this.#commits.now();
  }

  isOf(queue: string, group: string): boolean {
    return this.#options.queue === queue && this.#options.group === group;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#fetcher.close();
    this.#lineTimer?.();
    await this.#membership.close();
    void this.#link.close().catch(() => undefined);
  }

  get #isAsking(): boolean {
    return this.#asking > 0 || performance.now() - this.#askedAt < REST_MS;
  }

  get #isWanted(): boolean {
    return !this.#isClosed && (this.#isAsking || this.#held.size > 0 || this.#replacing.size > 0);
  }

  #trouble(error: unknown): void {
    if (codeOf(error) !== GONE) return this.#health.trouble(error);
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
  }

  /** What was just made is unknown for a moment; what stays unknown was deleted. */
  async #renew(): Promise<void> {
    const { queue, topics, renew } = this.#options;
    try {
      const { topics: known } = await this.#parts.client.cluster(topics);
      if (known.size === topics.length) return;
      this.#health.degraded(`a topic of ${JSON.stringify(queue)} was deleted: what was in it is gone; it is made anew`);
      await renew();
      this.#dropAll();
      this.#membership.rejoin();
    } catch (error) {
      this.#health.trouble(error);
      await this.#passed(PAUSE_MS);
    }
  }

  #facts() {
    const ledgers = [...this.#ledgers.values()];
    return {
      isAsking: this.#isAsking,
      owned: byTopic([...ledgers, ...this.#lines.values()].map(({ place }) => place)),
      pinned: byTopic(ledgers.filter(({ given }) => given > 0).map(({ place }) => place)),
    };
  }

  /** Nothing more is given out; what runs may end; all of it is written. */
  async #finish(): Promise<void> {
    this.#pool.rest();
    if (this.#held.size + this.#replacing.size > 0) {
      await Promise.race([new Promise<void>((resolve) => this.#idle.push(resolve)), this.#passed(DRAIN_MS)]);
    }
    await Promise.race([this.#commits.now(), this.#passed(COMMIT_MS)]);
  }

  async #share(places: readonly Place[], isNew: boolean): Promise<void> {
    if (isNew) this.#dropAll();
    const keys = new Set(places.map(placeKey));
    for (const [key, ledger] of this.#ledgers) if (!keys.has(key)) this.#drop(key, ledger);
    for (const key of this.#lines.keys()) if (!keys.has(key)) this.#lines.delete(key);
    const added = places.filter((place) => !this.#ledgers.has(placeKey(place)) && !this.#lines.has(placeKey(place)));
    if (added.length > 0) await this.#add(added);
  }

  #go(): void {
    this.#fetcher.wake();
    this.#passLines();
    this.#pool.wake();
  }

  async #add(places: readonly Place[]): Promise<void> {
    const topics = [...new Set(places.map(({ topic }) => topic))];
    const [committed, starts] = await Promise.all([
      this.#link.committed(topics),
      this.#parts.client.offsets(places, 'earliest'),
    ]);
    for (const [i, place] of places.entries()) {
      const key = placeKey(place);
      const { kind } = roleOf(place.topic);
      const start = starts[i] ?? 0;
      const known = committed.get(key);
      const isOurs = kind !== 'main' && roleOf(place.topic).group !== undefined;
      const one =
        kind === 'wait' ? new WaitingLine(place, isOurs, known, start) : new Ledger(place, isOurs, known, start);
      if (known && start > known.offset) this.#missed(place, one.skipTo(start));
      // From now on the group is there, and nothing that is published passes it by.
      if (!known) one.isDirty = true;
      if (one instanceof Ledger) this.#ledgers.set(key, one);
      else this.#lines.set(key, one);
    }
    void this.#commits.soon();
  }

  #missed({ topic, partition }: Place, count: number): void {
    if (count === 0) return;
    this.#health.degraded(
      `${count} messages of ${topic}/${partition} were deleted before this group had received them (retention, a purge, or a ` +
        'topic that was made anew): raise retention.ms of the topic, or let workers keep up',
    );
  }

  async #outOfRange(place: Place): Promise<void> {
    const key = placeKey(place);
    const one = this.#ledgers.get(key) ?? this.#lines.get(key);
    if (!one) return;
    const [[start = 0], [end = 0]] = await Promise.all([
      this.#parts.client.offsets([place], 'earliest'),
      this.#parts.client.offsets([place], 'latest'),
    ]);
    if (one.position < start) this.#missed(place, one.skipTo(start));
    if (one.position <= end) return;
    // There is less than there was: the topic was deleted and made anew.
    this.#missed(place, one.position - end);
    const anew = one instanceof Ledger ? new Ledger(place, one.isOurs, undefined, start) : undefined;
    if (one instanceof Ledger) this.#drop(key, one);
    if (anew) this.#ledgers.set(key, anew);
    else this.#lines.set(key, new WaitingLine(place, one.isOurs, undefined, start));
  }

  #wanted() {
    if (this.#membership.isMoving || !this.#isWanted) return [];
    const wanted: (Place & { offset: number })[] = [];
    this.#hasFull = false;
    for (const ledger of this.#ledgers.values()) {
      if (ledger.waiting >= MOST_WAITING || ledger.waitingBytes >= MOST_BYTES) {
        this.#hasFull = true;
        continue;
      }
      if (ledger.open >= MOST_WAITING && (ledger.open >= MOST_OPEN || ledger.runs >= MOST_RUNS)) {
        this.#stuck(ledger);
        continue;
      }
      wanted.push({ ...ledger.place, offset: ledger.position });
    }
    for (const line of this.#lines.values()) {
      if (line.hasRoom) wanted.push({ ...line.place, offset: line.position });
    }
    return wanted;
  }

  #unreadable({ topic, partition }: Place, error: unknown): void {
    this.#health.degraded(
      `${topic}/${partition} waits for a record that cannot be read: ${textOf(error)}. Producers have to write with gzip or without ` +
        'compression; what is there has to be deleted (kafka-delete-records.sh)',
    );
  }

  #stuck({ place: { topic, partition }, low, open }: Ledger): void {
    this.#health.degraded(
      `${topic}/${partition} waits: the message at ${low} is not settled, and ${open} behind it are kept open for it. ` +
        'Give its listener a timeout',
    );
  }

  #receive({ topic, partition, records, next }: Fetched, from: number): void {
    const key = placeKey({ topic, partition });
    const ledger = this.#ledgers.get(key);
    if (ledger?.position === from) {
      const ready = ledger.add(records, next);
      this.#pool.addAll(ready);
    }
    const line = this.#lines.get(key);
    if (line?.position !== from || records.length === 0) return;
    line.add(records, next);
    this.#passLines();
  }

  /** Whatever has waited long enough goes on; then it is looked at again when the next of them is due. */
  #passLines(): void {
    if (this.#isClosed) return;
    this.#lineTimer?.();
    this.#lineTimer = undefined;
    const now = this.#parts.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const line of this.#lines.values()) {
      if (line.isBusy || line.nextAt === undefined) continue;
      if (line.nextAt <= now) void this.#passLine(line);
      else next = Math.min(next, line.nextAt);
    }
    if (next < Number.POSITIVE_INFINITY) this.#lineTimer = this.#parts.clock.after(next - now, () => this.#passLines());
  }

  async #passLine(line: WaitingLine): Promise<void> {
    const { queue, group } = this.#options;
    const { parcels, sender, clock } = this.#parts;
    line.isBusy = true;
    try {
      const leaving = line.leaving(clock.now());
      if (leaving.length === 0 || !(await this.#membership.check())) return;
      const records = leaving.map(({ record, counts }) => parcels.again(queue, group, record, line.place, counts));
      await sender.send(await Promise.all(records));
      if (this.#lines.get(placeKey(line.place)) !== line) return;
      line.left(leaving.length);
      void this.#commits.soon();
      this.#fetcher.wake();
    } catch (error) {
      this.#health.degraded(`what has waited for its time cannot be passed on, and is tried again: ${textOf(error)}`);
      await this.#passed(PAUSE_MS);
    } finally {
      line.isBusy = false;
      this.#passLines();
    }
  }

  /** Not due for so long that it waits elsewhere. */
  async #passOn(entries: readonly Entry[]): Promise<void> {
    const { queue, group } = this.#options;
    const { parcels, sender } = this.#parts;
    const records = entries.flatMap(({ record, ledger, counts }) =>
      record ? [parcels.again(queue, group, record, ledger.place, counts)] : [],
    );
    try {
      await sender.send(await Promise.all(records));
      for (const entry of entries) this.#pool.add(entry.ledger.done(entry));
      void this.#commits.soon();
    } catch (error) {
      this.#health.degraded(`what is not due cannot be put aside, and is tried again: ${textOf(error)}`);
      await this.#passed(PAUSE_MS);
      this.#pool.addAll(entries.filter(({ ledger }) => !ledger.isGone));
    }
  }

  async #replace(delivery: KafkaDelivery, successors: readonly Successor[]): Promise<void> {
    const { sender, clock } = this.#parts;
    const now = clock.now();
    // Asked first, so that the late word of a worker that has lost its partition does not count.
    const isOurs = this.#held.has(delivery) && (await this.#membership.check());
    while (isOurs && this.#held.has(delivery)) {
      try {
        await sender.send(await Promise.all(successors.map((successor) => this.#copy(delivery, successor, now))));
        return await this.acked(delivery);
      } catch (error) {
        this.#health.degraded(`what becomes of a delivery could not be written, and is tried again: ${textOf(error)}`);
        await this.#passed(PAUSE_MS);
      }
    }
  }

  #copy({ record, entry }: KafkaDelivery, successor: Successor, now: number) {
    const { parcels } = this.#parts;
    const { queue, group } = this.#options;
    const { place } = entry.ledger;
    if (successor.kind === 'dead') return parcels.dead(queue, group, record, place, successor);
    const { target, attempts, crashes, delayMs } = successor;
    const due = delayMs > 0 ? Math.ceil(now + delayMs) : undefined;
    return parcels.again(successor.queue ?? queue, group, record, place, { target, attempts, crashes, due });
  }

  /** @returns whether it still was ours */
  #letGo(delivery: KafkaDelivery): boolean {
    const wasHeld = this.#held.delete(delivery);
    if (this.#held.size === 0) for (const done of this.#idle.splice(0)) done();
    return wasHeld;
  }

  /** One promise for all that the same commit writes. */
  #written(delivery: KafkaDelivery, writing: Promise<boolean>): Promise<void> {
    if (this.#round?.writing !== writing) {
      const deliveries: KafkaDelivery[] = [];
      const written = writing.then((isWritten) => {
        if (!isWritten) for (const { id } of deliveries) this.#lost(id);
      });
      this.#round = { writing, written, deliveries };
    }
    this.#round.deliveries.push(delivery);
    return this.#round.written;
  }

  #lost(id: string): void {
    if (!this.#isClosed) this.#options.onNotice({ kind: 'lease_lost', queue: this.#options.queue, id });
  }

  #dropAll(): void {
    for (const [key, ledger] of this.#ledgers) this.#drop(key, ledger);
    this.#lines.clear();
    this.#commits.lost();
  }

  #drop(key: string, ledger: Ledger): void {
    this.#ledgers.delete(key);
    ledger.isGone = true;
    this.#pool.drop(ledger);
    for (const delivery of this.#held) {
      if (delivery.entry.ledger !== ledger) continue;
      this.#letGo(delivery);
      this.#lost(delivery.id);
    }
  }

  *#places() {
    yield* this.#ledgers.values();
    yield* this.#lines.values();
  }

  /** What is settled in topics of the group's own nobody needs any more. */
  #trim(): void {
    for (const { place, low, isOurs } of this.#places()) {
      const key = placeKey(place);
      if (!isOurs || low - (this.#trimmed.get(key) ?? 0) < TRIM) continue;
      this.#trimmed.set(key, low);
      this.#parts.client.deleteBefore(place, low).catch((error: unknown) => this.#health.trouble(error));
    }
  }

  #passed(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}
