import type { Clock } from '../../contracts/clock.js';
import type { HistoryAccess } from '../../contracts/history.js';
import { type QueueKind, RedisTransport } from '../../redis/redis-transport.js';
import { RedisStreamsHistory } from './redis-streams-history.js';
import type { RedisStreamsOptions } from './redis-streams-options.js';
import { RedisStreamsQueues } from './redis-streams-queues.js';
import { StreamsSender } from './redis-streams-sender.js';
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
  const sender = new StreamsSender();
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
    prepare: ({ connection }, queue, messages) => sender.prepare(connection, queue, messages),
    async join(session, options, keys) {
      const source = new RedisStreamsSource(session, options, keys, historyMs);
      await source.join(false);
      return source;
    },
  };
}
