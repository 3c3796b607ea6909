import { createHash } from 'node:crypto';

/** AMQP's own limit. */
const LONGEST = 255;

/**
 * What one queue and group have on the broker, by name: `events` has the exchange `events`, the inbox `events`, and for
 * the group `orders` the queues `events@orders`, `events@orders@again`, `events@orders@dead` …
 */
export interface GroupNames {
  /** Bound to the exchange: what is published. */
  readonly main: string;
  /** What comes back: retries, what was handed back, what was forwarded from another queue. */
  readonly again: string;
  /** Suspects, for as long as they run. */
  readonly suspect: string;
  readonly dead: string;
  /** Where dead letters are read one reader at a time. */
  readonly reading: string;
}

export function groupNames(queue: string, group: string): GroupNames {
  return {
    main: join(queue, group),
    again: join(queue, group, 'again'),
    suspect: join(queue, group, 'suspect'),
    dead: join(queue, group, 'dead'),
    reading: join(queue, group, 'dead', 'reading'),
  };
}

/** Foreign programs know it by this name. */
export function exchangeName(queue: string): string {
  return queue;
}

/** What is to be passed on to the exchange: published before any group was there, or due by now. */
export function inboxName(queue: string): string {
  return join(queue);
}

/** In front of the inbox, so that the routing key can be the event all the way. */
export function inboxExchange(queue: string): string {
  return join(queue, '', 'inbox');
}

/**
 * Holds what it gets for `ms`: without a group what is published, with one what the group retries. The exchange in front of
 * the former has the same name.
 */
export function waitName(queue: string, group: string | undefined, ms: number): string {
  return join(queue, group ?? '', 'wait', String(ms));
}

/** Unambiguous whatever the parts hold: `@` separates, and is written `%40` within one. */
function join(...parts: readonly string[]): string {
  const name = parts.map((part) => part.replace(/[%@]/g, encodeURIComponent)).join('@');
  if (Buffer.byteLength(name) <= LONGEST) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `${Buffer.from(name).subarray(0, 200).toString().replace(/�+$/, '')}~${digest}`;
}
