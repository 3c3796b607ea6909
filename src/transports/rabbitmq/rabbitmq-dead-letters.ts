import type { Channel, ConsumeMessage } from 'amqplib';
import type { DeadLetter, DeadLetterAccess, DeadLetterFilter } from '../../contracts/dead-letter.js';
import { closeChannel, lookAt, onChannel, readyIn, receiveAll } from './rabbitmq-channel.js';
import { idOf } from './rabbitmq-delivery.js';
import { OWN, whole } from './rabbitmq-headers.js';
import type { Known } from './rabbitmq-known.js';
import { letterOf } from './rabbitmq-letter.js';
import type { Link } from './rabbitmq-link.js';
import { groupNames } from './rabbitmq-names.js';
import type { Parcels } from './rabbitmq-parcels.js';
import type { Publisher } from './rabbitmq-publisher.js';

interface DeadLettersParts {
  readonly link: Link;
  readonly known: Known;
  readonly publisher: Publisher;
  readonly parcels: Parcels;
}

/** One place with dead letters. */
interface Place {
  readonly queue: string;
  readonly group: string;
}

interface Found {
  readonly letter: DeadLetter;
  readonly message: ConsumeMessage;
}

/** What becomes of a letter that was looked at. */
type Decision = (found: Found, channel: Channel) => Promise<'keep' | 'remove'>;

/**
 * A letter that was looked at so often is renewed: from a queue that is older than it (rabbitmq-topology.ts), or by an operator's
 * policy, RabbitMQ 4 drops what it gave out more than 20 times in vain.
 */
const MOST_LOOKS = 10;

/** Another reader holds the letters while it reads. */
const TURN_MS = 20;
const LONGEST_TURN_MS = 10_000;

/** Longest wait until letters are back. */
const RETURN_MS = 10_000;

/**
 * AMQP cannot look into a queue: what is read is received, and goes back when its channel closes. One reader at a time, so
 * that nobody sees a queue as empty that another is just reading.
 */
export class RabbitmqDeadLetters implements DeadLetterAccess {
  readonly #parts: DeadLettersParts;

  constructor(parts: DeadLettersParts) {
    this.#parts = parts;
  }

  async list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = [];
    await this.#read(filter, async ({ letter }) => {
      letters.push(letter);
      return 'keep';
    });
    return letters.sort((a, b) => a.diedAt - b.diedAt || (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    let count = 0;
    if (filter.event === undefined && filter.since === undefined) {
      for (const place of this.#places(filter)) count += await this.#inTurn(place, async (ready) => ready);
      return count;
    }
    await this.#read(filter, async () => {
      count++;
      return 'keep';
    });
    return count;
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    let found: DeadLetter | undefined;
    await this.#decide([id], async ({ letter }) => {
      found = letter;
      return 'keep';
    });
    return found;
  }

  retry(ids: readonly string[]): Promise<number> {
    const { parcels, publisher } = this.#parts;
    return this.#decide(ids, async ({ letter, message }) => {
      const { queue, group, target } = letter;
      const counts = { target, attempts: 0, crashes: 0, due: undefined };
      await publisher.send([parcels.again(queue, group, message, idOf(message), counts)]);
      return 'remove';
    });
  }

  forget(ids: readonly string[]): Promise<number> {
    return this.#decide(ids, async () => 'remove');
  }

  /** @returns how many of them there were */
  async #decide(ids: readonly string[], decision: Decision): Promise<number> {
    const left = new Set(ids);
    let count = 0;
    for (const place of this.#places({})) {
      if (left.size === 0) break;
      await this.#readPlace(place, async (found, channel) => {
        if (!left.delete(found.letter.id)) return 'keep';
        count++;
        return decision(found, channel);
      });
    }
    return count;
  }

  async #read(filter: DeadLetterFilter, decision: Decision): Promise<void> {
    for (const place of this.#places(filter)) {
      await this.#readPlace(place, async (found, channel) =>
        matches(found.letter, filter) ? decision(found, channel) : 'keep',
      );
    }
  }

  #places({ queue, group }: DeadLetterFilter): readonly Place[] {
    const { known } = this.#parts;
    if (queue !== undefined) known.see(queue, group);
    return known.queues
      .filter((name) => queue === undefined || name === queue)
      .flatMap((name) => known.groupsOf(name).map((own) => ({ queue: name, group: own })))
      .filter((place) => group === undefined || place.group === group);
  }

  #readPlace(place: Place, decision: Decision): Promise<void> {
    const { dead } = groupNames(place.queue, place.group);
    return this.#inTurn(place, async (ready) => {
      if (ready === 0) return;
      const removed = new Set<string>();
      const count = await this.#pass(place, ready, async (found, channel) => {
        const decided = await decision(found, channel);
        if (decided === 'remove') removed.add(found.letter.id);
        return decided;
      });
      // Of many acknowledgements a busy quorum queue may drop the last when their channel closes: what is back is removed again.
      const again: Decision = async ({ letter }) => (removed.has(letter.id) ? 'remove' : 'keep');
      for (let left = ready - count; removed.size > 0; ) {
        const back = await readyIn(this.#parts.link, dead);
        const repeated = back > left ? await this.#pass(place, back, again) : 0;
        if (repeated === 0) return;
        left = back - repeated;
      }
    });
  }

  /** Everything that is there, once. @returns how many of it were removed */
  async #pass(place: Place, ready: number, decision: Decision): Promise<number> {
    const { dead } = groupNames(place.queue, place.group);
    const removed = await onChannel(this.#parts.link, async (channel) => {
      const messages = await receiveAll(channel, dead, ready);
      const kept: Found[] = [];
      const decided = messages.map(async (message) => {
        const found = { message, letter: letterOf(message, place.queue, place.group) };
        if ((await decision(found, channel)) === 'keep') {
          kept.push(found);
          return 0;
        }
        channel.ack(message);
        return 1;
      });
      const counts: number[] = await Promise.all(decided);
      await this.#renew(kept, channel);
      // The broker works a channel off in order: its answer says that it has the acknowledgements.
      await channel.prefetch(0);
      return counts.reduce((sum, one) => sum + one, 0);
    });
    await this.#until(dead, ready - removed);
    return removed;
  }

  /**
   * Where one is worn all of them are replaced: copies first, then one acknowledgement, since of many the last may be dropped.
   * What is there twice all the same, because a reader died in between, is there once afterwards.
   */
  async #renew(kept: readonly Found[], channel: Channel): Promise<void> {
    const { link, parcels, publisher } = this.#parts;
    const last = kept.at(-1);
    // Where it cannot be done now there are as many looks left.
    if (!last || link.blocked !== undefined || !kept.some(({ message }) => looksAt(message) >= MOST_LOOKS)) return;
    const different = new Map(kept.map((found) => [isOurs(found.message) ? found.letter.id : found, found]));
    await publisher.send([...different.values()].map(({ letter, message }) => parcels.renewed(letter, message)));
    channel.ack(last.message, true);
  }

  /** The letters go back a moment after their channel is closed: whoever comes next has to find them. */
  async #until(queue: string, ready: number): Promise<void> {
    for (const giveUpAt = performance.now() + RETURN_MS; performance.now() < giveUpAt; ) {
      if ((await readyIn(this.#parts.link, queue)) >= ready) return;
      await pause(1);
    }
  }

  /** An exclusive queue belongs to one connection, and is gone with it. */
  async #inTurn<Result>({ queue, group }: Place, work: (ready: number) => Promise<Result>): Promise<Result> {
    const { link } = this.#parts;
    const { dead, reading } = groupNames(queue, group);
    const ready = (await lookAt(link, dead))?.messageCount;
    if (ready === undefined) return work(0);
    const giveUpAt = performance.now() + LONGEST_TURN_MS;
    for (;;) {
      const channel = await link.channel();
      try {
        await channel.assertQueue(reading, { exclusive: true, durable: false, autoDelete: true });
      } catch (error) {
        const isTaken = (error as { code?: unknown }).code === 405;
        if (!isTaken || performance.now() > giveUpAt) throw error;
        await pause(TURN_MS);
        continue;
      }
      try {
        return await work(await readyIn(link, dead));
      } finally {
        await channel.deleteQueue(reading).catch(() => undefined);
        await closeChannel(channel);
      }
    }
  }
}

/** With an id that no other has. */
function isOurs({ properties }: ConsumeMessage): boolean {
  return properties.headers?.[OWN.letter] !== undefined;
}

function looksAt({ properties }: ConsumeMessage): number {
  return whole(properties.headers?.['x-delivery-count']) ?? 0;
}

function matches({ event, diedAt }: DeadLetter, filter: DeadLetterFilter): boolean {
  return (
    (filter.event === undefined || event === filter.event) && (filter.since === undefined || diedAt >= filter.since)
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
