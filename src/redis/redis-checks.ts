import type { BrokerChecks, BrokerFinding } from '../contracts/transport.js';
import type { RedisConnection } from './redis-connection.js';
import { RedisFailure } from './redis-failure.js';

/** How the server is set up, where that decides whether queues survive: eviction, and what is on disk when it dies. */
export class RedisChecks implements BrokerChecks {
  readonly #connection: () => Promise<RedisConnection>;

  constructor(connection: () => Promise<RedisConnection>) {
    this.#connection = connection;
  }

  async findings(): Promise<readonly BrokerFinding[]> {
    const connection = await this.#connection();
    try {
      const [policy, appendonly, appendfsync] = await Promise.all(
        ['maxmemory-policy', 'appendonly', 'appendfsync'].map((name) => setting(connection, name)),
      );
      return [eviction(policy), persistence(appendonly, appendfsync)];
    } catch (error) {
      if (!(error instanceof RedisFailure)) throw error;
      const fix = 'See that maxmemory-policy is noeviction and appendonly is yes.';
      return [{ check: 'redis', status: 'warn', detail: `its settings cannot be read: ${error.message}`, fix }];
    }
  }
}

async function setting(connection: RedisConnection, name: string): Promise<string | undefined> {
  const reply = (await connection.run((client) => client.config('GET', name))) as string[];
  return reply[1];
}

function eviction(policy = 'unknown'): BrokerFinding {
  if (policy === 'noeviction') return { check: 'eviction', status: 'ok', detail: policy, fix: null };
  return {
    check: 'eviction',
    status: 'fail',
    detail: `maxmemory-policy is ${policy}: a full Redis deletes queues without a word`,
    fix: 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.',
  };
}

function persistence(appendonly = 'unknown', appendfsync = 'unknown'): BrokerFinding {
  if (appendonly === 'yes') {
    const lost = appendfsync === 'always' ? 'nothing' : 'about a second';
    const detail = `append-only file, fsync ${appendfsync}: a loss of power costs ${lost}`;
    return { check: 'persistence', status: 'ok', detail, fix: null };
  }
  return {
    check: 'persistence',
    status: 'warn',
    detail: 'appendonly is off: a crash of Redis loses what was published since its last snapshot',
    fix: 'CONFIG SET appendonly yes, and the same in redis.conf; appendfsync always where not a second may be lost.',
  };
}
