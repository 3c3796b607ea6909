import type { RedisOptions } from '../../redis/redis-options.js';

/** What the transport is made with: where Redis is. Queues and groups come with each call. */
export interface RedisStreamsOptions extends RedisOptions {
  /** How long an event stays in its stream when every group is done with it, ms since it was published. Default 0. */
  readonly historyMs?: number;
}
