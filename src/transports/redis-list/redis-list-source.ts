import type { ConsumeOptions } from '../../contracts/transport.js';
import type { Client } from '../../redis/redis-client.js';
import type { RedisConnection } from '../../redis/redis-connection.js';
import type { Claimed, Source } from '../../redis/redis-consumer.js';
import { RedisDelivery, type Settler } from '../../redis/redis-delivery.js';
import { RedisFailure } from '../../redis/redis-failure.js';
import type { GroupKeys, QueueKeys } from '../../redis/redis-keys.js';
import { Lease, LeaseRound, Leases } from '../../redis/redis-lease.js';
import { eachBody } from '../../redis/redis-packed.js';
import { Parking } from '../../redis/redis-parking.js';
import { deliver, PARCEL_FIELDS, parcelsIn } from '../../redis/redis-parcel-reply.js';
import { begin, extend } from '../../redis/redis-parcel-scripts.js';
import type { QueueRegistry } from '../../redis/redis-registry.js';
import type { RedisSession } from '../../redis/redis-session.js';
import type { Round } from '../../redis/redis-settling.js';
import { type ClaimReply, claim, settle, take } from './redis-list-scripts.js';

/** However much there is to do, a claim looks everywhere this often: it also notes how much there is, for telling the age of the oldest. */
const LOOK_MS = 1000;

/** Claims from a list and its parcels: one script for a batch, one record for what it took. */
export class RedisListSource implements Source {
  readonly #connection: RedisConnection;
  readonly #registry: QueueRegistry;
  readonly #options: ConsumeOptions;
  readonly #keys: QueueKeys;
  readonly #group: GroupKeys;
  readonly holder = crypto.randomUUID();
  readonly #leases = new Leases();
  /** Claims whose answer was lost: nobody has what they took, if they took anything. */
  readonly #unanswered = new Set<string>();
  #claims = 0;
  /** By `performance.now()`: when what is beside the list is to be looked at. */
  #lookAt = 0;

  constructor(
    { connection, registry }: Pick<RedisSession, 'connection' | 'registry'>,
    options: ConsumeOptions,
    keys: QueueKeys,
  ) {
    this.#connection = connection;
    this.#registry = registry;
    this.#options = options;
    this.#keys = keys;
    this.#group = keys.group(options.group);
  }

  async claim(max: number, settler: Settler, lookMs: number): Promise<Claimed> {
    const token = `${this.holder}.${++this.#claims}`;
    const isLook = performance.now() >= this.#lookAt;
    const unanswered = isLook ? [...this.#unanswered] : [];
    // What is said from here on it may miss.
    if (isLook) this.#lookAt = Number.POSITIVE_INFINITY;
    try {
      const reply = await (isLook ? this.#look(token, max, unanswered) : this.#take(token, max));
      for (const lost of unanswered) this.#unanswered.delete(lost);
      const deliveries = this.#claimed(token, reply, settler);
      const [soon, , parcels] = reply;
      // There may be more parcels.
      if (isLook) this.expect(parcels > 0 ? 0 : Math.min(soon < 0 ? lookMs : soon, lookMs));
      const nextDueMs = deliveries.length < max ? Math.max(this.#lookAt - performance.now(), 0) : 0;
      // Among much to do it looks sooner than a consumer that waits to be told.
      if (isLook) this.expect(LOOK_MS);
      return { deliveries, nextDueMs };
    } catch (error) {
      this.expect(0);
      if (error instanceof RedisFailure && error.outcome === 'unknown') this.#unanswered.add(token);
      throw error;
    }
  }

  settle(deliveries: readonly RedisDelivery[]): Round {
    const { queue, group } = this.#options;
    const { seq, dead, deadBodies } = this.#keys;
    const { leases, held, done, due, parcels, graves } = this.#group;
    const keys = [seq, dead, deadBodies, leases, held, done, due, parcels, graves];
    const round = new LeaseRound();
    for (const delivery of deliveries) if (delivery.lease) round.add(delivery, delivery.lease);
    for (const lease of round.finished) this.#leases.delete(lease);
    const parking = new Parking(deliveries, queue, group);
    const args = round.arguments(queue, group);
    return {
      write: async () => {
        // First: were it the other way round, a crash between the two would lose them.
        if (!parking.isEmpty) await parking.write(this.#connection, this.#registry);
        const lost = await this.#connection.run((client) => settle.run(client, keys, args));
        return lost.length === 0 ? [] : round.lost(new Set(lost.map(String)));
      },
    };
  }

  async extend(): Promise<readonly RedisDelivery[]> {
    if (this.#leases.size === 0) return [];
    const args = [this.#options.visibilityMs, ...this.#leases.tokens];
    const lost = await this.#connection.run((client) => extend.run(client, [this.#group.leases], args));
    return lost.flatMap((token) => this.#lose(this.#leases.get(String(token))));
  }

  lose({ lease }: RedisDelivery): readonly RedisDelivery[] {
    return this.#lose(lease);
  }

  async begin({ lease, index, crashes }: RedisDelivery): Promise<void> {
    if (!lease) return;
    const args = [lease.token, index, crashes];
    await this.#connection.run((client) => begin.run(client, [this.#group.held], args));
  }

  unsettled(): readonly RedisDelivery[] {
    return this.#leases.unsettled();
  }

  expect(ms: number): void {
    this.#lookAt = Math.min(this.#lookAt, performance.now() + ms);
  }

  /** A rotation by nothing: it blocks while the list is empty, and changes nothing when it is not. */
  async wait(client: Client, ms: number): Promise<boolean> {
    const { queue } = this.#options;
    return (await client.blmove(queue, queue, 'RIGHT', 'RIGHT', ms / 1000)) !== null;
  }

  async leave(): Promise<void> {
    if (this.#unanswered.size === 0) return;
    await this.#look('', 0, [...this.#unanswered]).catch(() => undefined);
  }

  #take(token: string, max: number): Promise<ClaimReply> {
    const { queue, seq, popped } = this.#keys;
    const { leases, held } = this.#group;
    const args = [token, max, this.#options.visibilityMs];
    return this.#connection.run((client) => take.run(client, [queue, seq, popped, leases, held], args));
  }

  #look(token: string, max: number, unanswered: readonly string[]): Promise<ClaimReply> {
    const { queue, seq, scheduled, scheduledBodies, marks: markKey, popped } = this.#keys;
    const { leases, held, done, due, parcels } = this.#group;
    const keys = [queue, seq, scheduled, scheduledBodies, markKey, popped, leases, held, done, due, parcels];
    const known = ` ${this.#leases.tokens.join(' ')} `;
    const args = [token, known, unanswered.join(' '), max, this.#options.visibilityMs];
    return this.#connection.run((client) => claim.run(client, keys, args));
  }

  #claimed(token: string, reply: ClaimReply, settler: Settler): RedisDelivery[] {
    const [, first, parcels, ...rest] = reply;
    const deliveries: RedisDelivery[] = [];
    const [messages, packed] = rest.slice(parcels * PARCEL_FIELDS) as [number, Buffer];
    const lease = new Lease(token, parcels + messages, deliveries);
    for (const parcel of parcelsIn(rest, parcels)) deliveries.push(deliver(parcel, settler, lease, deliveries.length));
    let number = first;
    eachBody(packed, (bodies, from, to) => {
      deliveries.push(
        new RedisDelivery(settler, number++, lease, deliveries.length, bodies, from, to, undefined, 1, 0, undefined),
      );
    });
    if (deliveries.length > 0) this.#leases.add(lease);
    return deliveries;
  }

  #lose(lease: Lease | undefined): readonly RedisDelivery[] {
    if (!lease) return [];
    this.#leases.delete(lease);
    const others = lease.unsettled();
    for (const delivery of others) delivery.settlement = 'lost';
    return others;
  }
}
