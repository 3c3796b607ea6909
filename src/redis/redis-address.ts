import { maskSecrets } from '../contracts/secrets.js';
import { DEFAULT_URL, type RedisOptions } from './redis-options.js';

export interface Node {
  readonly host: string;
  readonly port: number;
}

export interface Target extends Node {
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: boolean;
}

/** @throws {Error} what is wrong with the URL, without its secrets */
export function parseUrl(text: string): Target {
  const bad = (why: string) => new Error(`${maskSecrets(text)} ${why}; write redis://host:6379 or rediss://host:6379`);
  if (!URL.canParse(text)) throw bad('is not a URL');
  const { protocol, hostname, port, username, password, pathname } = new URL(text);
  if (protocol !== 'redis:' && protocol !== 'rediss:') throw bad('does not begin with redis:// or rediss://');
  if (!/^\/?\d*$/.test(pathname)) throw bad('has a path that is not the number of a database');
  return {
    host: hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: port === '' ? 6379 : Number(port),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    db: Number(pathname.slice(1) || 0),
    tls: protocol === 'rediss:',
  };
}

/** `host:port`, `host`, or a URL of which only these two count. */
export function parseNode(text: string): Node {
  const { host, port } = parseUrl(/^rediss?:\/\//.test(text) ? text : `redis://${text}`);
  return { host, port };
}

/** Where it connects to, for a person: never with a password. */
export function addressOf({ url = DEFAULT_URL, sentinel, cluster }: RedisOptions): string {
  if (sentinel) return `${sentinel.name} of the sentinels ${sentinel.nodes.join(', ')}`;
  if (cluster) return `the cluster ${cluster.join(', ')}`;
  return maskSecrets(url);
}
