import type { RedisOptions } from '../../redis/redis-options.js';

/** What the transport is made with: where Redis is. Queues and groups come with each call. */
export type RedisListOptions = RedisOptions;
