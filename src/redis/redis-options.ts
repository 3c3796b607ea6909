import type { ConnectionOptions } from 'node:tls';

/** Where Redis is and how to get in. One of `url`, `sentinel` and `cluster` says where; the rest goes for all three. */
export interface RedisOptions {
  /** `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS. Default `redis://127.0.0.1:6379`. */
  readonly url?: string;
  /** The master is asked for at these, and again after each failover. */
  readonly sentinel?: {
    /** The name the sentinels know the master by. */
    readonly name: string;
    /** `host:port`, any number of them. */
    readonly nodes: readonly string[];
    readonly username?: string;
    readonly password?: string;
  };
  /** `host:port` of a few nodes of a Redis Cluster; the others are found from there. */
  readonly cluster?: readonly string[];
  readonly username?: string;
  readonly password?: string;
  /** `true`, or what Node's `tls.connect` takes (`ca`, `cert`, `key`, `servername`, …). Default: none, unless the URL says so. */
  readonly tls?: boolean | ConnectionOptions;
  /** A command that is not answered within this, ms, means that the connection is dead. Default 5000. */
  readonly timeoutMs?: number;
  /** Queues of this application: told to operators although only other programs have used them so far. */
  readonly queues?: readonly string[];
}

export const DEFAULT_URL = 'redis://127.0.0.1:6379';
export const DEFAULT_TIMEOUT_MS = 5000;
