import { codeOf, GONE, type KafkaClient, type Place } from './kafka-client.js';
import { textOf } from './kafka-errors.js';
import type { Ear, Health } from './kafka-health.js';
import type { Ledger } from './kafka-ledger.js';

export interface TroublesParts {
  readonly client: KafkaClient;
  readonly queue: string;
  readonly topics: readonly string[];
  readonly health: Health;
  /** Makes topics anew that somebody deleted. */
  readonly renew: () => Promise<void>;
  /** They are: whatever was known of them is worth nothing. */
  readonly onRenewed: () => void;
}

/** What goes wrong while a member reads: told in words that say what to do, and mended where that is possible. */
export class Troubles {
  readonly #parts: TroublesParts;
  #isRenewing = false;

  constructor(parts: TroublesParts) {
    this.#parts = parts;
  }

  heard(ear: Ear, error: unknown): void {
    if (codeOf(error) === GONE) void this.#renew();
    else this.#parts.health.trouble(ear, error);
  }

  missed({ topic, partition }: Place, count: number): void {
    if (count === 0) return;
    this.#parts.health.degraded(
      `${count} messages of ${topic}/${partition} were deleted before this group had received them (retention, a purge, or a ` +
        'topic that was made anew): raise retention.ms of the topic, or let workers keep up',
    );
  }

  stuck({ place: { topic, partition }, low, open }: Ledger): void {
    this.#parts.health.degraded(
      `${topic}/${partition} waits: the message at ${low} is not settled, and ${open} behind it are kept open for it. ` +
        'Give its listener a timeout',
      `${topic}/${partition} waits`,
    );
  }

  unreadable({ topic, partition }: Place, error: unknown): void {
    this.#parts.health.degraded(
      `${topic}/${partition} waits for records that cannot be read: ${textOf(error)}. They have to be deleted ` +
        '(kafka-delete-records.sh)',
    );
  }

  /** What was just made is unknown for a moment; what stays unknown was deleted. */
  async #renew(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    const { client, queue, topics, health, renew, onRenewed } = this.#parts;
    try {
      const { topics: known } = await client.cluster(topics);
      if (known.size === topics.length) return;
      health.degraded(`a topic of ${JSON.stringify(queue)} was deleted: what was in it is gone; it is made anew`);
      await renew();
      onRenewed();
    } catch (error) {
      health.trouble('group', error);
    } finally {
      this.#isRenewing = false;
    }
  }
}
