import type { RedisConnection } from './redis-connection.js';
import type { RedisDelivery } from './redis-delivery.js';
import { QueueKeys } from './redis-keys.js';
import { park } from './redis-parcel-scripts.js';
import type { QueueRegistry } from './redis-registry.js';
import type { Argument } from './redis-script.js';
import { parcelsElsewhere } from './redis-successors.js';

/** Successors that go to other queues. On a cluster those live on other nodes, so that each queue is a step of its own. */
export class Parking {
  readonly #group: string;
  readonly #parcels = new Map<string, Argument[]>();

  constructor(deliveries: readonly RedisDelivery[], queue: string, group: string) {
    this.#group = group;
    for (const delivery of deliveries) {
      if (typeof delivery.settlement !== 'object') continue;
      for (const [where, args] of parcelsElsewhere(delivery, queue)) {
        this.#parcels.set(where, [...(this.#parcels.get(where) ?? []), ...args]);
      }
    }
  }

  get isEmpty(): boolean {
    return this.#parcels.size === 0;
  }

  async write(connection: RedisConnection, registry: QueueRegistry): Promise<void> {
    for (const [queue, args] of this.#parcels) {
      await registry.add(queue);
      const keys = new QueueKeys(queue);
      const { due, parcels } = keys.group(this.#group);
      await connection.run((client) => park.run(client, [keys.groups, due, parcels], [this.#group, ...args]));
    }
  }
}
