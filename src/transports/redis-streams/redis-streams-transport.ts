import type { Clock } from '../../contracts/clock.js';
import type { HistoryAccess } from '../../contracts/history.js';
import type { OutgoingMessage } from '../../contracts/transport.js';
import { argumentOf } from '../../redis/redis-body.js';
import { QueueKeys } from '../../redis/redis-keys.js';
import type { RedisSession } from '../../redis/redis-session.js';
import { type QueueKind, RedisTransport } from '../../redis/redis-transport.js';
import { FIELD } from './redis-streams-entry.js';
import { RedisStreamsHistory } from './redis-streams-history.js';
import type { RedisStreamsOptions } from './redis-streams-options.js';
import { RedisStreamsQueues } from './redis-streams-queues.js';
import { add } from './redis-streams-queue-scripts.js';
import { RedisStreamsSource } from './redis-streams-source.js';

/** A Redis stream: every group gets every event. See README.md beside. */
export class RedisStreamsTransport extends RedisTransport {
  readonly history: HistoryAccess;

  constructor({ historyMs = 0, ...redis }: RedisStreamsOptions = {}, clock?: Clock) {
    super(streams(historyMs), redis, clock);
    this.history = new RedisStreamsHistory(this.session, historyMs);
  }
}

function streams(historyMs: number): QueueKind {
  return {
    kind: 'streams',
    name: 'redis-streams',
    traits: {
      fanOut: true,
      atomicPublish: true,
      publishSurvives: 'process-crash',
      ordered: true,
      persistent: true,
      multiProcess: true,
    },
    queues: (parts) => new RedisStreamsQueues(parts),
    send: append,
    async join(session, options, keys) {
      const source = new RedisStreamsSource(session, options, keys, historyMs);
      await source.join(false);
      return source;
    },
  };
}

function append({ connection }: RedisSession, queue: string, messages: readonly OutgoingMessage[]): Promise<unknown> {
  const [first] = messages;
  if (messages.length === 1 && first && first.deliverAt === undefined) {
    const body = argumentOf(first.body);
    return connection.run((client) => client.xadd(queue, '*', FIELD, body));
  }
  const { seq, scheduled, scheduledBodies } = new QueueKeys(queue);
  const args = messages.flatMap(({ deliverAt = 0, body }) => [Math.ceil(deliverAt), argumentOf(body)]);
  return connection.run((client) => add.run(client, [queue, seq, scheduled, scheduledBodies], args));
}
