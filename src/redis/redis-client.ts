import type { Cluster, Redis, RedisOptions as ClientOptions } from 'ioredis';
import { parseNode, parseUrl } from './redis-address.js';
import { DEFAULT_TIMEOUT_MS, DEFAULT_URL, type RedisOptions } from './redis-options.js';

export type Client = Redis | Cluster;

/** Replies keep the shapes they have had since RESP2; the overloads for others are left out. */
type Options = Omit<ClientOptions, 'replyMapping'>;

export interface ClientRole {
  /** Shown by CLIENT LIST. */
  readonly name: string;
  /** A command that is not answered within this, ms, means that the connection is dead. Default: the options' `timeoutMs`. */
  readonly answerMs?: number;
}

/** Reconnecting goes on for ever, at most this far apart, ms. */
const LONGEST_BACKOFF_MS = 2000;

/** A link that swallows everything does not let itself be closed in an orderly way. */
const DISCONNECT_MS = 200;

/** Failovers end within seconds; asking the cluster this often finds them without a MOVED. */
const SLOTS_REFRESH_MS = 2000;

/**
 * A client that is not connected yet. It never sends a command twice and never keeps one for later: the library's own
 * resending would execute a publish a second time when only its reply was lost. Whoever may repeat a command does so.
 */
export async function createClient(options: RedisOptions, { name, answerMs }: ClientRole): Promise<Client> {
  const { Cluster, Redis } = await import('ioredis');
  const { url = DEFAULT_URL, sentinel, cluster, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const target = parseUrl(url);
  const username = options.username ?? target.username;
  const password = options.password ?? target.password;
  const tls = options.tls === true || (options.tls === undefined && target.tls) ? {} : options.tls || undefined;
  const common: Options = {
    connectionName: name,
    connectTimeout: timeoutMs,
    disconnectTimeout: DISCONNECT_MS,
    commandTimeout: answerMs ?? timeoutMs,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
    maxRetriesPerRequest: 0,
    // The library's own subscribing again has nobody who hears that it failed, and an unhandled rejection ends the process.
    autoResubscribe: false,
    // A master that became a replica: ask who is master now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
  if (cluster) {
    return new Cluster(cluster.map(parseNode), {
      lazyConnect: true,
      enableOfflineQueue: false,
      // Zero: a command whose node died is not sent to another one; it may have been executed.
      retryDelayOnFailover: 0,
      slotsRefreshInterval: SLOTS_REFRESH_MS,
      clusterRetryStrategy: backoff,
      // Nodes in other networks announce addresses that are theirs; names are left to the system.
      dnsLookup: (address, callback) => callback(null, address),
      redisOptions: common,
    });
  }
  const single: Options = { ...common, lazyConnect: true, enableOfflineQueue: false, retryStrategy: backoff };
  if (!sentinel) return new Redis({ ...single, host: target.host, port: target.port, db: target.db });
  return new Redis({
    ...single,
    db: target.db,
    name: sentinel.name,
    sentinels: sentinel.nodes.map(parseNode),
    ...(sentinel.username !== undefined && { sentinelUsername: sentinel.username }),
    ...(sentinel.password !== undefined && { sentinelPassword: sentinel.password }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    // A master whose network died does not say so; the sentinels do.
    failoverDetector: true,
    sentinelCommandTimeout: timeoutMs,
  });
}

/** Doubling, and a random share of it, so that a thousand workers do not come back in one instant. */
function backoff(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 10), LONGEST_BACKOFF_MS) * (0.5 + Math.random() / 2);
}
