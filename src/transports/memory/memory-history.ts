import type { Clock } from '../../contracts/clock.js';
import { ThrunError } from '../../contracts/errors.js';
import type {
  HistoryAccess,
  HistoryPoint,
  HistoryRange,
  HistoryView,
  PastEvent,
  ReplayTarget,
} from '../../contracts/history.js';
import type { MemoryStore } from './memory-store.js';

/** Everything that was published, as long as the store keeps it. A position is the number of the event. */
export class MemoryHistory implements HistoryAccess {
  constructor(
    private readonly store: MemoryStore,
    private readonly clock: Clock,
  ) {}

  async look({ queue, since, until }: HistoryRange): Promise<HistoryView> {
    for (const point of [since, until]) check(point);
    const groups = [...(this.store.queues.get(queue) ?? [])].filter(([, { registered }]) => registered);
    const [oldest] = this.store.past.get(queue) ?? [];
    return {
      groups: groups.map(([name]) => name).sort(),
      oldestAt: oldest?.publishedAt,
      isCut: false,
      keeps: 'Events stay in the memory of this process until it ends.',
    };
  }

  async *read({ queue, group, since, until }: HistoryRange): AsyncGenerator<readonly PastEvent[]> {
    for (const point of [since, until]) check(point);
    const items = [...(this.store.queues.get(queue)?.get(group)?.items ?? [])];
    const unread = new Set(items.filter(({ attempts }) => attempts === 0).map(({ id }) => id));
    yield (this.store.past.get(queue) ?? []).filter((event) => {
      if (unread.has(event.id) || isBefore(event, since)) return false;
      return until === undefined || !isAfter(event, until);
    });
  }

  async replay(events: readonly PastEvent[], { queue, group, listener }: ReplayTarget): Promise<number> {
    const due = this.clock.now();
    const { items } = this.store.subscription(queue, group);
    for (const { id, body, publishedAt = due } of events) {
      items.add({ id, body, publishedAt, target: listener, attempts: 0, crashes: 0, due, lease: undefined });
    }
    this.store.changed();
    return events.length;
  }
}

function isBefore({ position, publishedAt = 0 }: PastEvent, point: HistoryPoint): boolean {
  return typeof point === 'number' ? publishedAt < point : Number(position) < Number(point);
}

function isAfter({ position, publishedAt = 0 }: PastEvent, point: HistoryPoint): boolean {
  return typeof point === 'number' ? publishedAt > point : Number(position) > Number(point);
}

function check(point: HistoryPoint | undefined): void {
  if (typeof point !== 'string' || /^\d+$/.test(point)) return;
  throw new ThrunError('THRUN_INPUT', [`${JSON.stringify(point)} is not the number of an event.`]);
}
