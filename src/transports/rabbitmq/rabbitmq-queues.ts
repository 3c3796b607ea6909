import type { Clock } from '../../contracts/clock.js';
import type { QueueAccess, QueueStats } from '../../contracts/transport.js';
import type { RabbitmqConsumer } from './rabbitmq-consumer.js';
import { lookAt, onChannel, readyIn } from './rabbitmq-channel.js';
import { countsOf } from './rabbitmq-headers.js';
import type { Known } from './rabbitmq-known.js';
import { RUNGS } from './rabbitmq-ladder.js';
import type { Link } from './rabbitmq-link.js';
import { groupNames, inboxName, waitName } from './rabbitmq-names.js';

interface QueuesParts {
  readonly link: Link;
  readonly known: Known;
  readonly clock: Clock;
  readonly consumers: ReadonlySet<RabbitmqConsumer>;
}

/** What a queue holds for no group in particular. */
interface Common {
  readonly inbox: number;
  readonly delayed: number;
}

export class RabbitmqQueues implements QueueAccess {
  readonly #parts: QueuesParts;

  constructor(parts: QueuesParts) {
    this.#parts = parts;
  }

  async stats(): Promise<readonly QueueStats[]> {
    // What moves from the broker to a consumer while it is counted would count twice, or not at all.
    return this.#atRest(() => this.#rows());
  }

  async #rows(): Promise<readonly QueueStats[]> {
    const rows = await Promise.all(this.#parts.known.queues.map((queue) => this.#rowsOf(queue)));
    return rows.flat();
  }

  /** What other processes have received and not begun cannot be reached; it is in their hands already. */
  purge(queue: string): Promise<number> {
    return this.#atRest(() => this.#purge(queue));
  }

  async #atRest<Result>(work: () => Promise<Result>): Promise<Result> {
    const consumers = [...this.#parts.consumers];
    await Promise.all(consumers.map((consumer) => consumer.pause()));
    try {
      return await work();
    } finally {
      for (const consumer of consumers) consumer.resume();
    }
  }

  async #purge(queue: string): Promise<number> {
    const groups = this.#parts.known.groupsOf(queue);
    const own = await Promise.all(groups.map((group) => this.#purgeGroup(queue, group)));
    const common = [inboxName(queue), ...RUNGS.map((ms) => waitName(queue, undefined, ms))];
    // A message waits for every group; the group with most of them knows nearly all.
    return Math.max(0, ...own) + (await this.#purgeAll(common));
  }

  async #rowsOf(queue: string): Promise<QueueStats[]> {
    const { link, known } = this.#parts;
    const waits = RUNGS.map((ms) => waitName(queue, undefined, ms));
    const [inbox, delayed] = await Promise.all([readyIn(link, inboxName(queue)), this.#sum(waits)]);
    const rows = await Promise.all(known.groupsOf(queue).map((group) => this.#rowOf(queue, group, { inbox, delayed })));
    const there = rows.filter((row) => row !== undefined);
    const isClaimed = there.some(({ isRegistered }) => isRegistered);
    if (!isClaimed && inbox + delayed > 0) there.unshift({ isRegistered: true, row: emptyRow(queue, inbox, delayed) });
    return there.map(({ row }) => row);
  }

  async #rowOf(queue: string, group: string, common: Common) {
    const { link, consumers } = this.#parts;
    const names = groupNames(queue, group);
    const waits = RUNGS.map((ms) => waitName(queue, group, ms));
    const [main, again, dead, delayed] = await Promise.all([
      lookAt(link, names.main),
      lookAt(link, names.again),
      readyIn(link, names.dead),
      this.#sum(waits),
    ]);
    if (!main && !again) return undefined;
    // What is on its way to every group is on its way to this one, once it is there.
    const shared = main ? common : { inbox: 0, delayed: 0 };
    const mine = [...consumers].filter((consumer) => consumer.isOf(queue, group));
    const waiting = mine.reduce((sum, consumer) => sum + consumer.waiting, 0);
    const row: QueueStats = {
      queue,
      group,
      depth: (main?.messageCount ?? 0) + (again?.messageCount ?? 0) + shared.inbox + waiting,
      inFlight: mine.reduce((sum, consumer) => sum + consumer.held, 0),
      delayed: delayed + shared.delayed,
      dead,
      // Looking at the head of a queue would count as a delivery of it.
      oldestAgeMs: undefined,
      nextRetryMs: delayed > 0 ? await this.#nextRetry(waits) : undefined,
    };
    return { isRegistered: main !== undefined, row };
  }

  async #sum(queues: readonly string[]): Promise<number> {
    const counts = await Promise.all(queues.map((queue) => readyIn(this.#parts.link, queue)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Of the first in each waiting queue: they wait in the order they came. RabbitMQ 4 counts the look as a delivery in vain,
   * and carries the count to where the message goes next: there it is not told.
   */
  async #nextRetry(waits: readonly string[]): Promise<number | undefined> {
    if (this.#parts.link.isFrom(4)) return undefined;
    const dues = await Promise.all(waits.map((queue) => this.#firstDue(queue)));
    const known = dues.filter((due) => due !== undefined);
    return known.length === 0 ? undefined : Math.max(0, Math.min(...known) - this.#parts.clock.now());
  }

  async #firstDue(queue: string): Promise<number | undefined> {
    if ((await readyIn(this.#parts.link, queue)) === 0) return undefined;
    return onChannel(this.#parts.link, async (channel) => {
      const first = await channel.get(queue);
      return first === false ? undefined : countsOf(first.properties.headers ?? {}).due;
    });
  }

  async #purgeGroup(queue: string, group: string): Promise<number> {
    const { main, again } = groupNames(queue, group);
    const mine = [...this.#parts.consumers].filter((consumer) => consumer.isOf(queue, group));
    const dropped = await Promise.all(mine.map((consumer) => consumer.drop()));
    const waits = RUNGS.map((ms) => waitName(queue, group, ms));
    return dropped.reduce((sum, count) => sum + count, 0) + (await this.#purgeAll([main, again, ...waits]));
  }

  async #purgeAll(queues: readonly string[]): Promise<number> {
    const counts = await Promise.all(queues.map((queue) => this.#purgeOne(queue)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #purgeOne(queue: string): Promise<number> {
    if (!(await lookAt(this.#parts.link, queue))) return 0;
    return onChannel(this.#parts.link, async (channel) => (await channel.purgeQueue(queue)).messageCount);
  }
}

function emptyRow(queue: string, depth: number, delayed: number): QueueStats {
  return { queue, group: '', depth, inFlight: 0, delayed, dead: 0, oldestAgeMs: undefined, nextRetryMs: undefined };
}
