import { hostname } from 'node:os';
import { Bag } from '../../contracts/bag.js';
import type { ConsumeOptions } from '../../contracts/transport.js';
import type { Client } from '../../redis/redis-client.js';
import type { Claimed, Source } from '../../redis/redis-consumer.js';
import { RedisDelivery, type Settler } from '../../redis/redis-delivery.js';
import { RedisFailure } from '../../redis/redis-failure.js';
import type { GroupKeys, QueueKeys } from '../../redis/redis-keys.js';
import { Lease, Leases } from '../../redis/redis-lease.js';
import { eachBody, PackedList } from '../../redis/redis-packed.js';
import { deliver, PARCEL_FIELDS, parcelsIn } from '../../redis/redis-parcel-reply.js';
import { begin, extend } from '../../redis/redis-parcel-scripts.js';
import type { RedisSession } from '../../redis/redis-session.js';
import type { Round } from '../../redis/redis-settling.js';
import { bodyOf } from './redis-streams-entry.js';
import { StreamEnd } from './redis-streams-end.js';
import { StreamRound } from './redis-streams-round.js';
import {
  type ClaimReply,
  claim,
  type Entries,
  giveBackEntries,
  join,
  leave,
  live,
  read,
  settle,
} from './redis-streams-scripts.js';

/** Trimming costs a little each time, so it waits for so many settled entries or bytes, or until there is little to do. */
const TRIM_EVERY = 1000;
const TRIM_BYTES = 1024 ** 2;
/** Most bytes of one read, by the sizes seen so far. */
const READ_BYTES = 4 * 1024 ** 2;
const NEWEST = 0.2;
/** So many of a consumer's entries are compared with what it knows of. */
const SWEEP = 10_000;

/** Reads a stream for a group, and its parcels beside. Entries are held by the consumer's own sign of life. */
export class RedisStreamsSource implements Source {
  readonly #session: RedisSession;
  readonly #options: ConsumeOptions;
  readonly #keys: QueueKeys;
  readonly #historyMs: number;
  readonly #group: GroupKeys;
  /** Made for this process and moment: nobody else ever reads what is pending under it. */
  readonly holder = `${hostname()}-${process.pid}-${crypto.randomUUID()}`;
  readonly #end: StreamEnd;
  readonly #leases = new Leases();
  /** Entries in hand. */
  #entries = new Bag<RedisDelivery>();
  readonly #unanswered = new Set<string>();
  #claims = 0;
  /** By `performance.now()`: when what is beside the stream is to be looked at. */
  #lookAt = 0;
  #averageBytes = 1024 * 16;
  /** Settled since the stream was last trimmed. */
  #untrimmed = { entries: 0, bytes: 0 };
  #passedBy = 0;
  /** By `performance.now()`: an answer was lost, and what it brought may still turn up until then. */
  #sweepUntil = 0;

  /** @param historyMs how long an entry stays that every group is done with */
  constructor(session: RedisSession, options: ConsumeOptions, keys: QueueKeys, historyMs: number) {
    this.#session = session;
    this.#options = options;
    this.#keys = keys;
    this.#historyMs = historyMs;
    this.#group = keys.group(options.group);
    this.#end = new StreamEnd(options.queue, options.group);
  }

  /** @param again it was there, and is gone: everything that is still in the stream is read again rather than lost */
  async join(again: boolean): Promise<void> {
    const { queue, group, visibilityMs } = this.#options;
    await this.#session.registry.add(queue);
    const args = [group, this.holder, visibilityMs, again ? 1 : 0];
    await this.#run((client) => join.run(client, [queue, this.#keys.groups, this.#group.consumers], args));
  }

  async claim(max: number, settler: Settler, lookMs: number): Promise<Claimed> {
    const room = Math.min(max, Math.max(1, Math.floor(READ_BYTES / this.#averageBytes)));
    try {
      if (this.#sweepUntil > 0) await this.#sweep();
      if (performance.now() < this.#lookAt) {
        const deliveries = await this.#read(room, settler);
        return { deliveries, nextDueMs: deliveries.length < room ? Math.max(this.#lookAt - performance.now(), 0) : 0 };
      }
      return await this.#readAll(room, settler, lookMs);
    } catch (error) {
      this.expect(0);
      if (!(error instanceof RedisFailure)) throw error;
      if (error.outcome === 'unknown') this.#sweepUntil = performance.now() + this.#options.visibilityMs;
      if (error.code !== 'NOGROUP') throw error;
      await this.#rejoin();
      return { deliveries: [], nextDueMs: 0 };
    }
  }

  settle(deliveries: readonly RedisDelivery[]): Round {
    const { queue, group } = this.#options;
    const { seq, dead, deadBodies } = this.#keys;
    const { leases, held, done, due, parcels, graves } = this.#group;
    const keys = [queue, seq, dead, deadBodies, leases, held, done, due, parcels, graves];
    const round = new StreamRound(deliveries, queue, group);
    for (const lease of round.leases.finished) this.#leases.delete(lease);
    for (const { length } of deliveries) this.#untrimmed.bytes += length;
    this.#untrimmed.entries += deliveries.length;
    const { entries, bytes } = this.#untrimmed;
    const history = entries >= TRIM_EVERY || bytes >= TRIM_BYTES ? this.#trims() : -1;
    const args = round.arguments(this.holder, this.#entries.size, history);
    return {
      write: async () => {
        // First: were it the other way round, a crash between the two would lose them.
        const { connection, registry } = this.#session;
        if (!round.parking.isEmpty) await round.parking.write(connection, registry);
        const lost = await this.#run((client) => settle.run(client, keys, args));
        for (const delivery of deliveries) if (!delivery.lease) this.#entries.delete(delivery);
        return lost.length === 0 ? [] : round.lost(new Set(lost.map(String)));
      },
    };
  }

  async extend(): Promise<readonly RedisDelivery[]> {
    const { queue, group, visibilityMs } = this.#options;
    const args = [group, this.holder, visibilityMs];
    const alive = await this.#run((client) => live.run(client, [queue, this.#group.consumers], args));
    const lost = alive === 1 ? [] : this.#loseEntries();
    if (this.#leases.size === 0) return lost;
    const tokens = [visibilityMs, ...this.#leases.tokens];
    const gone = await this.#run((client) => extend.run(client, [this.#group.leases], tokens));
    return [...lost, ...gone.flatMap((token) => this.#loseLease(this.#leases.get(String(token))))];
  }

  lose({ lease }: RedisDelivery): readonly RedisDelivery[] {
    return lease ? this.#loseLease(lease) : [];
  }

  async begin({ lease, index, crashes }: RedisDelivery): Promise<void> {
    // A suspect has crashed before, so it has left the stream.
    if (!lease) return;
    const args = [lease.token, index, crashes];
    await this.#run((client) => begin.run(client, [this.#group.held], args));
  }

  unsettled(): readonly RedisDelivery[] {
    const parcels = this.#leases.unsettled();
    return [...parcels, ...[...this.#entries].filter(({ settlement }) => settlement === undefined)];
  }

  expect(ms: number): void {
    this.#lookAt = Math.min(this.#lookAt, performance.now() + ms);
  }

  wait(client: Client, ms: number): Promise<boolean> {
    return this.#end.wait(client, ms);
  }

  async leave(): Promise<void> {
    const { queue, group } = this.#options;
    try {
      if (this.#sweepUntil > 0) await this.#sweep();
      await this.#run((client) =>
        leave.run(client, [queue, this.#group.consumers], [group, this.holder, this.#historyMs]),
      );
    } catch (error) {
      // Others find out when its time is up.
      if (!(error instanceof RedisFailure)) throw error;
    }
  }

  /** The hot path: nothing but the stream. */
  async #read(max: number, settler: Settler): Promise<RedisDelivery[]> {
    const { queue, group } = this.#options;
    return this.#deliver(await this.#run((client) => read.run(client, [queue], [group, this.holder, max])), settler);
  }

  async #readAll(max: number, settler: Settler, lookMs: number): Promise<Claimed> {
    const token = `${this.holder}.${++this.#claims}`;
    const unanswered = [...this.#unanswered];
    this.#unanswered.add(token);
    // What is said from here on it may miss.
    this.#lookAt = Number.POSITIVE_INFINITY;
    const [soon, deleted, passedBy, parcels, ...rest] = await this.#sendClaim(token, max, unanswered);
    for (const answered of [...unanswered, token]) this.#unanswered.delete(answered);
    const nextDueMs = soon < 0 ? lookMs : Math.min(soon, lookMs);
    this.expect(nextDueMs);
    this.#report(deleted, passedBy);

    const deliveries: RedisDelivery[] = [];
    if (parcels > 0) {
      const held: RedisDelivery[] = [];
      const lease = new Lease(token, parcels, held);
      for (const parcel of parcelsIn(rest, parcels)) held.push(deliver(parcel, settler, lease, held.length, bodyOf));
      deliveries.push(...held);
      this.#leases.add(lease);
      // There may be more of them.
      this.#lookAt = 0;
    }
    deliveries.push(...this.#deliver(rest[parcels * PARCEL_FIELDS] as Entries, settler));
    return { deliveries, nextDueMs: parcels > 0 || deliveries.length >= max ? 0 : nextDueMs };
  }

  #sendClaim(token: string, max: number, unanswered: readonly string[]): Promise<ClaimReply> {
    const { queue, group, visibilityMs } = this.#options;
    const { seq, scheduled, scheduledBodies } = this.#keys;
    const { leases, held, done, due, parcels, consumers } = this.#group;
    const keys = [queue, seq, scheduled, scheduledBodies, leases, held, done, due, parcels, consumers];
    const known = ` ${this.#leases.tokens.join(' ')} `;
    const args = [token, known, unanswered.join(' '), max, visibilityMs, group, this.holder, queue, this.#trims()];
    return this.#run((client) => claim.run(client, keys, args));
  }

  /** For how long entries are to be kept when the stream is trimmed now; -1: there is nothing to trim. */
  #trims(): number {
    if (this.#untrimmed.entries === 0) return -1;
    this.#untrimmed = { entries: 0, bytes: 0 };
    return this.#historyMs;
  }

  #deliver([ids, packed]: Entries, settler: Settler): RedisDelivery[] {
    const deliveries: RedisDelivery[] = [];
    const names = new PackedList(ids);
    if (names.enter() === 0) return deliveries;
    const text = ids.toString('latin1');
    let [bytes, id] = [0, ''];
    eachBody(
      packed,
      (bodies, from, to) => {
        names.step();
        id = text.slice(names.from, names.to);
        const publishedAt = Number(id.slice(0, id.indexOf('-')));
        bytes += to - from;
        const delivery = new RedisDelivery(settler, id, undefined, 0, bodies, from, to, publishedAt, 1, 0, undefined);
        this.#entries.add(delivery);
        deliveries.push(delivery);
      },
      bodyOf,
    );
    this.#end.read(id);
    this.#averageBytes += NEWEST * (bytes / deliveries.length - this.#averageBytes);
    return deliveries;
  }

  /** What the group holds in our name without our knowing is handed back. */
  async #sweep(): Promise<void> {
    const { queue, group } = this.#options;
    if (performance.now() > this.#sweepUntil) this.#sweepUntil = 0;
    const pending = (await this.#run((client) => client.xpending(queue, group, '-', '+', SWEEP, this.holder))) as [
      string,
    ][];
    const known = new Set([...this.#entries].map(({ number }) => number));
    const strangers = pending.map(([id]) => id).filter((id) => !known.has(id));
    const { due, parcels } = this.#group;
    for (let at = 0; at < strangers.length; at += 1000) {
      const args = [group, this.holder, queue, ...strangers.slice(at, at + 1000)];
      await this.#run((client) => giveBackEntries.run(client, [queue, this.#keys.seq, due, parcels], args));
      this.expect(0);
    }
  }

  async #rejoin(): Promise<void> {
    const { queue, group, onNotice } = this.#options;
    await this.join(true);
    const message = `the group ${group} of the stream ${queue} was gone: it is made again from the stream's beginning, so what was not deleted comes again`;
    onNotice({ kind: 'degraded', message });
  }

  #report(deleted: number, passedBy: number): void {
    const { queue, group, onNotice } = this.#options;
    const lost = deleted + Math.max(passedBy - this.#passedBy, 0);
    this.#passedBy = passedBy;
    if (lost === 0) return;
    const message = `${lost} entries of the stream ${queue} were deleted before ${group} had handled them; do not trim it, entries that are done with are deleted by thrun`;
    onNotice({ kind: 'degraded', message });
  }

  #loseEntries(): RedisDelivery[] {
    const lost = [...this.#entries].filter(({ settlement }) => settlement === undefined);
    this.#entries = new Bag();
    for (const delivery of lost) delivery.settlement = 'lost';
    return lost;
  }

  #loseLease(lease: Lease | undefined): RedisDelivery[] {
    if (!lease) return [];
    this.#leases.delete(lease);
    const lost = lease.unsettled();
    for (const delivery of lost) delivery.settlement = 'lost';
    return lost;
  }

  #run<Reply>(send: (client: Client) => Promise<Reply>): Promise<Reply> {
    return this.#session.connection.run(send);
  }
}
