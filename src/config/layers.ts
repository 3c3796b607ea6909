import type { ThrunConfig } from './options.js';
import { isObject } from './rules.js';

// What is set in several places: the command line goes before the environment, which goes before the file.

/** Only these are taken apart; a transport, a logger or a container is one value, whatever it is made of. */
const SECTIONS: ReadonlySet<string> = new Set([
  'batches',
  'transports',
  'sqlite',
  'redis',
  'rabbitmq',
  'kafka',
  'limits',
  'worker',
  'retry',
]);

/** `over` goes before `base`, section by section. What is no object is left for the checks to complain about. */
export function merged(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return base;
  const both: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    both[key] = SECTIONS.has(key) && both[key] !== undefined ? merged(both[key], value) : value;
  }
  return both;
}

/** A URL from outside names another Redis than the file does, in whatever way the file names it. */
export function oneRedis(config: unknown, { transports }: ThrunConfig): unknown {
  if (transports?.redis?.url === undefined || !isObject(config)) return config;
  return { ...config, ...withoutPlace(config, 'transports'), ...withoutPlace(config, 'batches') };
}

function withoutPlace(config: Readonly<Record<string, unknown>>, section: 'transports' | 'batches') {
  const own = config[section];
  if (!isObject(own) || !isObject(own['redis'])) return {};
  const { url: _, sentinel: __, cluster: ___, ...redis } = own['redis'];
  return { [section]: { ...own, redis } };
}
