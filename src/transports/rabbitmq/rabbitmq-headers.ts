import type { Message, Options } from 'amqplib';
import type { Dead } from '../../contracts/delivery.js';

/**
 * What travels beside the bytes on queues of our own. On the queue that is bound to the exchange anybody may have written
 * them, so there they count for nothing.
 */
export const OWN = {
  target: 'x-thrun-target',
  attempts: 'x-thrun-attempts',
  crashes: 'x-thrun-crashes',
  due: 'x-thrun-due',
  /** Finds a suspect among others in its queue. */
  token: 'x-thrun-token',
  letter: 'x-thrun-letter',
  reason: 'x-thrun-reason',
  error: 'x-thrun-error',
  event: 'x-thrun-event',
  eventId: 'x-thrun-event-id',
  diedAt: 'x-thrun-died-at',
} as const;

/** A table of headers must stay below 64 KiB; half of it is for those of the message itself. */
const LONGEST_ERROR = 24 * 1024;
const MOST_FOREIGN = 32 * 1024;

/** Written by the broker and read by it again: carried on, they would send copies elsewhere or end a wait as a cycle. */
const BROKERS =
  /^(?:CC|BCC|x-(?:first-|last-)?death(?:-.*)?|x-delivery-count|x-acquired-count|x-received-from|x-opt-.*)$/i;

type Headers = Readonly<Record<string, unknown>>;

export interface Counts {
  readonly target: string | undefined;
  /** Receipts so far that ended without being handed back, this one not included. */
  readonly attempts: number;
  readonly crashes: number;
  /** Not before, ms since the epoch. */
  readonly due: number | undefined;
}

export const NO_COUNTS: Counts = { target: undefined, attempts: 0, crashes: 0, due: undefined };

export function countsOf(headers: Headers): Counts {
  return {
    target: text(headers[OWN.target]),
    attempts: whole(headers[OWN.attempts]) ?? 0,
    crashes: whole(headers[OWN.crashes]) ?? 0,
    due: whole(headers[OWN.due]),
  };
}

export function countHeaders({ target, attempts, crashes, due }: Counts): Record<string, unknown> {
  return {
    [OWN.attempts]: attempts,
    [OWN.crashes]: crashes,
    ...(target !== undefined && { [OWN.target]: target }),
    ...(due !== undefined && { [OWN.due]: due }),
  };
}

export function deathHeaders(dead: Omit<Dead, 'kind'>, letter: string, diedAt: number): Record<string, unknown> {
  return {
    [OWN.letter]: letter,
    [OWN.reason]: dead.reason,
    [OWN.error]: clip(dead.error, LONGEST_ERROR),
    [OWN.attempts]: dead.attempts,
    [OWN.diedAt]: diedAt,
    ...(dead.target !== undefined && { [OWN.target]: dead.target }),
    ...(dead.event !== undefined && { [OWN.event]: dead.event }),
    ...(dead.eventId !== undefined && { [OWN.eventId]: dead.eventId }),
  };
}

/**
 * How often the queue has given the message out in vain. On a first delivery the header is one of the queue before, and
 * RabbitMQ 4 calls that a redelivery: what has expired from `suspects` was counted there, and is not counted again.
 */
export function deliveryCount({ fields, properties }: Message, suspects: string): number {
  if (!fields.redelivered || properties.headers?.['x-last-death-queue'] === suspects) return 0;
  return whole(properties.headers?.['x-delivery-count']) ?? 1;
}

/** The properties of a message as a copy carries them on, with `own` in place of what we wrote before. */
export function copyProperties({ properties }: Message, id: string, own: Headers): Options.Publish {
  const { contentType, contentEncoding, correlationId, replyTo, timestamp, type, appId } = properties;
  return {
    // Not the user id: the broker takes it from its user only. Not the expiration: it was for the first queue.
    ...without({ contentType, contentEncoding, correlationId, replyTo, timestamp, type, appId }),
    messageId: id,
    persistent: true,
    mandatory: true,
    headers: { ...foreignHeaders(properties.headers ?? {}), ...own },
  };
}

function foreignHeaders(headers: Headers): Headers {
  const own: readonly string[] = Object.values(OWN);
  const kept = Object.entries(headers).filter(([name]) => !BROKERS.test(name) && !own.includes(name));
  if (kept.length === 0 || sizeOf(kept) <= MOST_FOREIGN) return Object.fromEntries(kept);
  // Too many to carry on beside ours. What makes a CloudEvent of it stays, since the message is nothing without.
  const needed = kept.filter(([name, value]) => isCloudEventHeader(name) && typeof value === 'string');
  return sizeOf(needed) <= MOST_FOREIGN ? Object.fromEntries(needed) : {};
}

/** `cloudEvents:` is the specification's, `cloudEvents_` what JMS makes of it, `ce-` and `ce_` are in use elsewhere. */
const CLOUD_EVENT = /^(?:cloudEvents[:_]|ce[-_])/;

export function isCloudEventHeader(name: string): boolean {
  return CLOUD_EVENT.test(name);
}

/** `cloudEvents:type` → `type`. */
export function attributeName(header: string): string {
  return header.replace(CLOUD_EVENT, '');
}

function sizeOf(entries: readonly (readonly [string, unknown])[]): number {
  return Buffer.byteLength(JSON.stringify(entries, (_, value: unknown) => (typeof value === 'bigint' ? '0' : value)));
}

/** amqplib writes what is `undefined` as well. */
function without(properties: Options.Publish): Options.Publish {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}

function clip(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return `${Buffer.from(text).subarray(0, bytes).toString().replace(/�+$/, '')} …`;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
