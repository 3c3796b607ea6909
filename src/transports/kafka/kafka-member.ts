import type { Clock } from '../../contracts/clock.js';
import type { TransportNotice } from '../../contracts/transport.js';
import type { Fetched, KafkaClient, MemberLink, Place } from './kafka-client.js';
import { Commits } from './kafka-commits.js';
import { KafkaDelivery } from './kafka-delivery.js';
import { Fetcher } from './kafka-fetcher.js';
import { Health } from './kafka-health.js';
import { Holdings } from './kafka-holdings.js';
import type { Entry } from './kafka-entry.js';
import type { Ledger } from './kafka-ledger.js';
import { Membership } from './kafka-membership.js';
import { Moving } from './kafka-moving.js';
import { groupId } from './kafka-names.js';
import type { Parcels } from './kafka-parcels.js';
import { Passing } from './kafka-passing.js';
import { Pool } from './kafka-pool.js';
import type { Sender } from './kafka-sender.js';
import { Settlements } from './kafka-settlements.js';
import { Troubles } from './kafka-troubles.js';

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

/** One process's seat in the group of one queue: everything its consumers there receive comes through it. */
export class Member {
  readonly #options: MemberOptions;
  readonly #link: MemberLink;
  readonly #membership: Membership;
  readonly #holdings: Holdings;
  readonly #fetcher: Fetcher;
  readonly #pool: Pool;
  readonly #settlements: Settlements;
  readonly #commits: Commits;
  readonly #passing: Passing;
  readonly #moving: Moving;
  #asking = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: MemberOptions, parts: MemberParts) {
    this.#options = options;
    const { client, clock, heartbeatMs } = parts;
    const { queue, group, topics, visibilityMs } = options;
    this.#link = client.member(groupId(queue, group));
    const health = new Health(clock, (notice) => this.#tell(notice));
    const troubles = new Troubles({ ...options, client, health, onRenewed: () => this.#beginAnew() });
    const heard = {
      onAnswer: () => health.answered('group'),
      onTrouble: (error: unknown) => troubles.heard('group', error),
    };
    const common = { link: this.#link, client, clock, topics, ...heard };
    this.#membership = new Membership({
      ...common,
      sessionMs: visibilityMs,
      heartbeatMs,
      isWanted: () => this.#isWanted,
      beforeJoin: () => this.#moving.finish(),
      facts: () => this.#moving.facts(this.#isAsking),
      onShare: (places, isNew) => this.#moving.share(places, isNew),
      onMoved: () => this.#moving.goOn(),
      onLost: () => this.#moving.dropAll(),
    });
    this.#holdings = new Holdings({
      ...common,
      onMissed: (place, count) => troubles.missed(place, count),
      onStuck: (ledger) => troubles.stuck(ledger),
      onDropped: (ledger) => this.#dropped(ledger),
    });
    this.#fetcher = new Fetcher({
      ...common,
      onAnswer: () => health.answered('reading'),
      onTrouble: (error) => troubles.heard('reading', error),
      wanted: () => (this.#membership.isMoving || !this.#isWanted ? [] : this.#holdings.wanted()),
      isHurried: () => this.#holdings.hasFull && this.#pool.isQuick,
      onFetched: (fetched, from) => this.#receive(fetched, from),
      onUnreadable: (place, error) => troubles.unreadable(place, error),
      onOutOfRange: (place) => this.#holdings.outOfRange(place),
    });
    this.#commits = new Commits({
      ...common,
      membership: () => this.#membership,
      places: () => this.#holdings.all,
      isAhead: () => this.#isAsking && !this.#membership.isMoving,
      onWritten: () => this.#holdings.trim(),
    });
    this.#pool = new Pool({
      clock,
      isOpen: () => !this.#membership.isMoving && this.#membership.isHeard,
      write: () => this.#commits.now(),
      onLate: (entries) => void this.#passing.putAside(entries),
      onRoom: () => this.#fetcher.wake(),
      isAhead: () => this.#holdings.isAhead,
      onRest: () => this.#holdings.standBack(),
    });
    const writing = {
      ...parts,
      queue,
      group,
      check: () => this.#membership.check(),
      onTrouble: (message: string) => health.degraded(message),
    };
    this.#settlements = new Settlements({
      ...writing,
      commits: () => this.#commits,
      pool: () => this.#pool,
      onLost: (id) => this.#tell({ kind: 'lease_lost', queue, id }),
    });
    this.#passing = new Passing({
      ...writing,
      lines: () => this.#holdings.lines,
      isMine: (line) => this.#holdings.isMine(line),
      onPassed: () => this.#passedOn(),
      onSettled: (entries) => this.#aside(entries),
      onFailed: (entries) => this.#pool.addAll(entries.filter(({ ledger }) => !ledger.isGone)),
    });
    this.#moving = new Moving({
      clock,
      holdings: this.#holdings,
      pool: this.#pool,
      settlements: this.#settlements,
      commits: this.#commits,
      fetcher: this.#fetcher,
      passing: this.#passing,
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

  /** Under which the broker knows it; undefined while it is in no group. */
  get id(): string | undefined {
    return this.#membership.memberId;
  }

  /** It has come as far as reading. */
  get isReading(): boolean {
    return this.#holdings.ledgers.length > 0;
  }

  /** What the consumer has in hand, the last first: handed back in this order it lies as it did before. */
  heldBy(consumer: object): readonly KafkaDelivery[] {
    return this.#settlements.heldBy(consumer).toSorted((a, b) => b.entry.offset - a.entry.offset);
  }

  take(max: number, isQuick: boolean, consumer: object): KafkaDelivery[] {
    return this.#pool.take(max, isQuick).map((entry) => {
      entry.ledger.give(entry);
      const delivery = new KafkaDelivery(this.#settlements, entry, this.#options.queue, consumer);
      this.#settlements.hold(delivery);
      return delivery;
    });
  }

  /** Every settlement so far is written, or its lease was lost. */
  async flush(): Promise<void> {
    await this.#settlements.flush();
    if (this.#membership.seat) await this.#commits.now();
  }

  isOf(queue: string, group: string): boolean {
    return this.#options.queue === queue && this.#options.group === group;
  }

  ledgerOf(place: Place): Ledger | undefined {
    return this.#holdings.ledgerOf(place);
  }

  /** What waits in one place, up to an offset, is settled. */
  async purge(place: Place, end: number): Promise<void> {
    if (!this.#holdings.purge(place, end)) return;
    this.#pool.sweep();
    await this.#commits.now();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#fetcher.close();
    this.#passing.close();
    await this.#membership.close();
    void this.#link.close().catch(() => undefined);
  }

  get #isAsking(): boolean {
    return this.#asking > 0 || performance.now() - this.#askedAt < REST_MS;
  }

  get #isWanted(): boolean {
    return !this.#isClosed && (this.#isAsking || this.#settlements.open > 0);
  }

  #receive(fetched: Fetched, from: number): void {
    this.#pool.addAll(this.#holdings.receive(fetched, from));
    if (fetched.records.length > 0) this.#passing.look();
  }

  #passedOn(): void {
    void this.#commits.soon();
    this.#fetcher.wake();
  }

  #aside(entries: readonly Entry[]): void {
    for (const entry of entries) this.#pool.add(entry.ledger.done(entry));
    void this.#commits.soon();
  }

  #beginAnew(): void {
    this.#moving.dropAll();
    this.#membership.rejoin();
  }

  #dropped(ledger: Ledger): void {
    this.#pool.drop(ledger);
    this.#settlements.dropped(ledger);
  }

  #tell(notice: TransportNotice): void {
    if (!this.#isClosed) this.#options.onNotice(notice);
  }
}
