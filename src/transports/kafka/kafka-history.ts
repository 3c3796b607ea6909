import type { HistoryAccess, HistoryRange, HistoryView, PastEvent, ReplayTarget } from '../../contracts/history.js';
import { formatDuration } from '../../contracts/units.js';
import { type CommittedOffset, type KafkaClient, type KafkaRecord, type Place, placeKey } from './kafka-client.js';
import { cloudEventOf } from './kafka-cloudevent.js';
import { idOf, timeOf } from './kafka-delivery.js';
import { errorFor } from './kafka-errors.js';
import { NO_COUNTS } from './kafka-headers.js';
import { DONE, readRuns } from './kafka-ledger-text.js';
import { groupId, topicName } from './kafka-names.js';
import type { Parcels } from './kafka-parcels.js';
import { concerns, type Point, pointOf } from './kafka-point.js';
import type { Registry } from './kafka-registry.js';
import type { Sender } from './kafka-sender.js';

interface HistoryParts {
  readonly client: KafkaClient;
  readonly registry: Registry;
  readonly parcels: Parcels;
  readonly sender: Sender;
}

/** A record that is still there, as it is read again. */
class KafkaPastEvent implements PastEvent {
  constructor(
    readonly record: KafkaRecord,
    readonly place: Place,
  ) {}

  get position(): string {
    return `${this.place.partition}:${this.record.offset}`;
  }

  get id(): string {
    return idOf(this.record, this.place);
  }

  get publishedAt(): number | undefined {
    return timeOf(this.record, this.place);
  }

  get body(): Uint8Array {
    return this.record.value ?? Buffer.alloc(0);
  }

  get cloudEvent(): Readonly<Record<string, string>> | undefined {
    return cloudEventOf(this.record.headers);
  }
}

/** Kafka keeps what was handled for as long as the topic says. Handed over once more it becomes the group's own, as a retry does. */
export class KafkaHistory implements HistoryAccess {
  readonly #parts: HistoryParts;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  async look({ queue, since, until }: HistoryRange): Promise<HistoryView> {
    const from = pointOf(since);
    if (until !== undefined) pointOf(until);
    return this.#try(async () => {
      const { client, registry } = this.#parts;
      const places = (await this.#places(queue)).filter(({ partition }) => concerns(from, partition));
      const [starts, groups, keeps] = await Promise.all([
        client.offsets(places, 'earliest'),
        registry.groupsOf(queue),
        this.#keeps(queue, places.length > 0),
      ]);
      const firsts = await Promise.all(places.map((place, i) => client.read(place, starts[i] ?? 0)));
      const times = firsts.flatMap(({ records, ...place }) => (records[0] && timeOf(records[0], place)) ?? []);
      const isCut = places.some((_, i) => isAfter(starts[i] ?? 0, firsts[i]?.records[0], from));
      return { groups, oldestAt: times.length === 0 ? undefined : Math.min(...times), isCut, keeps };
    });
  }

  async *read({ queue, group, since, until }: HistoryRange): AsyncGenerator<readonly PastEvent[]> {
    const from = pointOf(since);
    const to = until === undefined ? undefined : pointOf(until);
    const { client } = this.#parts;
    const places = await this.#try(() => this.#places(queue));
    const committed = await this.#try(() => client.committed(groupId(queue, group), [topicName(queue)]));
    for (const place of places) {
      const settled = committed.get(placeKey(place));
      if (!settled || !concerns(from, place.partition) || !concerns(to, place.partition)) continue;
      yield* this.#readPlace(place, settled, from, to);
    }
  }

  async replay(events: readonly PastEvent[], { queue, group, listener }: ReplayTarget): Promise<number> {
    return this.#try(async () => {
      const { client, parcels, sender } = this.#parts;
      const places = await this.#places(queue);
      const starts = await client.offsets(places, 'earliest');
      const startOf = new Map(places.map((place, i) => [placeKey(place), starts[i] ?? 0]));
      const found = await Promise.all(events.map((event) => this.#found(queue, event)));
      const kept = found.flatMap((one) =>
        one && one.record.offset >= (startOf.get(placeKey(one.place)) ?? 0) ? one : [],
      );
      const counts = { ...NO_COUNTS, target: listener };
      await sender.send(
        await Promise.all(kept.map(({ record, place }) => parcels.again(queue, group, record, place, counts))),
      );
      return kept.length;
    });
  }

  async *#readPlace(
    place: Place,
    settled: CommittedOffset,
    from: Point,
    to: Point | undefined,
  ): AsyncGenerator<readonly PastEvent[]> {
    const { client } = this.#parts;
    const { isSettled, end } = settledIn(settled);
    const [start = 0] = await this.#try(() => client.offsets([place], 'earliest'));
    const [first = 0] =
      from.kind === 'offset' ? [from.offset] : await this.#try(() => client.offsets([place], Math.max(0, from.ms)));
    // No record is as young as that.
    if (first < 0) return;
    for (let offset = Math.max(start, first); offset < end; ) {
      const { records, next } = await this.#try(() => client.read(place, offset));
      if (next === offset) return;
      offset = next;
      const wanted = records.filter((record) => isSettled(record.offset) && isWithin(record, from, to));
      if (wanted.length > 0) yield wanted.map((record) => new KafkaPastEvent(record, place));
    }
  }

  /** As it was read, or read again by its position. */
  async #found(queue: string, event: PastEvent): Promise<KafkaPastEvent | undefined> {
    if (event instanceof KafkaPastEvent) return event;
    const point = pointOf(event.position);
    if (point.kind !== 'offset' || point.partition === undefined) return undefined;
    const place = { topic: topicName(queue), partition: point.partition };
    const { records } = await this.#parts.client.read(place, point.offset);
    const record = records.find(({ offset }) => offset === point.offset);
    return record && new KafkaPastEvent(record, place);
  }

  async #places(queue: string): Promise<readonly Place[]> {
    const topic = topicName(queue);
    const { topics } = await this.#parts.client.cluster([topic]);
    return (topics.get(topic) ?? []).map(({ partition }) => ({ topic, partition }));
  }

  async #keeps(queue: string, isThere: boolean): Promise<string> {
    const topic = topicName(queue);
    const ms = isThere ? Number((await this.#parts.client.configs([topic])).get(topic)?.['retention.ms'] ?? -1) : -1;
    const setting = `retention.ms of the topic ${topic} (kafka-configs.sh)`;
    if (!isThere) return `Events stay in a topic, handled or not, for as long as its retention.ms says.`;
    return ms < 0
      ? `Events stay in the topic for ever: ${setting} sets no limit.`
      : `Events stay in the topic for ${formatDuration(ms)}, handled or not: that is ${setting}.`;
  }

  async #try<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      throw errorFor(error);
    }
  }
}

/** What the group is done with: everything before its offset, and what it says of the rest. */
function settledIn({ offset: low, metadata }: CommittedOffset) {
  const done: { readonly from: number; readonly to: number }[] = [{ from: 0, to: low }];
  let at = low;
  for (const { length, status } of readRuns(metadata)) {
    if (status === DONE) done.push({ from: at, to: at + length });
    at += length;
  }
  return {
    end: Math.max(...done.map(({ to }) => to)),
    isSettled: (offset: number) => done.some(({ from, to }) => offset >= from && offset < to),
  };
}

function isWithin(record: KafkaRecord, from: Point, to: Point | undefined): boolean {
  const time = Math.max(0, record.timestamp);
  if (from.kind === 'time' && time < from.ms) return false;
  if (to === undefined) return true;
  return to.kind === 'time' ? time <= to.ms : record.offset <= to.offset;
}

/** What is there begins later than what is asked for, and there was more. */
function isAfter(start: number, first: KafkaRecord | undefined, from: Point): boolean {
  if (start === 0) return false;
  if (from.kind === 'offset') return from.offset < start;
  return first === undefined || first.timestamp > from.ms;
}
