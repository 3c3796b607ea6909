import type { Clock } from '../../contracts/clock.js';
import type { ConsumeOptions, OutgoingMessage } from '../../contracts/transport.js';
import { argumentOf } from '../../redis/redis-body.js';
import { QueueKeys } from '../../redis/redis-keys.js';
import type { RedisSession } from '../../redis/redis-session.js';
import { type QueueKind, RedisTransport } from '../../redis/redis-transport.js';
import type { RedisListOptions } from './redis-list-options.js';
import { RedisListQueues } from './redis-list-queues.js';
import { schedule } from './redis-list-scripts.js';
import { RedisListSource } from './redis-list-source.js';

/** A Redis list that anybody can push to, and beside it what makes deliveries out of it. See README.md beside. */
export class RedisListTransport extends RedisTransport {
  constructor(options: RedisListOptions = {}, clock?: Clock) {
    super(LISTS, options, clock);
  }
}

const LISTS: QueueKind = {
  kind: 'list',
  name: 'redis-list',
  traits: {
    fanOut: false,
    atomicPublish: true,
    publishSurvives: 'process-crash',
    ordered: true,
    persistent: true,
    multiProcess: true,
  },
  queues: (parts) => new RedisListQueues(parts),
  prepare: (session, queue, messages) => ({ send: () => push(session, queue, messages) }),
  async join(session, options, keys) {
    await register(session, options, keys);
    return new RedisListSource(session, options, keys);
  },
};

function push({ connection }: RedisSession, queue: string, messages: readonly OutgoingMessage[]): Promise<unknown> {
  if (messages.every(({ deliverAt }) => deliverAt === undefined)) {
    const bodies = messages.map(({ body }) => argumentOf(body));
    return connection.run((client) => client.lpush(queue, ...bodies));
  }
  const { seq, scheduled, scheduledBodies } = new QueueKeys(queue);
  const args = messages.flatMap(({ deliverAt = 0, body }) => [Math.ceil(deliverAt), argumentOf(body)]);
  return connection.run((client) => schedule.run(client, [queue, seq, scheduled, scheduledBodies], args));
}

async function register(
  { connection, registry }: RedisSession,
  { queue, group, onNotice }: ConsumeOptions,
  keys: QueueKeys,
): Promise<void> {
  await registry.add(queue);
  await connection.run((client) => client.hset(keys.groups, group, '1'));
  const groups = await connection.run((client) => client.hgetall(keys.groups));
  const others = Object.keys(groups).filter((name) => name !== group && groups[name] === '1');
  if (others.length === 0) return;
  const message = `the list ${queue} is also consumed by ${others.join(', ')}: each event goes to one of them only; give them queues of their own, or use redis-streams`;
  onNotice({ kind: 'degraded', message });
}
