import type { Dead } from '../../contracts/delivery.js';
import type { KafkaRecord, RecordHeaders } from './kafka-client.js';

/**
 * What travels beside the bytes on topics of our own. On the queue's own topic anybody may have written them, so there only
 * the due time counts.
 */
export const OWN = {
  id: 'x-thrun-id',
  publishedAt: 'x-thrun-published-at',
  target: 'x-thrun-target',
  attempts: 'x-thrun-attempts',
  crashes: 'x-thrun-crashes',
  due: 'x-thrun-due',
  key: 'x-thrun-key',
  reason: 'x-thrun-reason',
  error: 'x-thrun-error',
  event: 'x-thrun-event',
  eventId: 'x-thrun-event-id',
  diedAt: 'x-thrun-died-at',
  /** Where it was first published. */
  topic: 'x-thrun-topic',
  partition: 'x-thrun-partition',
  offset: 'x-thrun-offset',
} as const;

const NAMES: ReadonlySet<string> = new Set(Object.values(OWN));

const LONGEST_ERROR = 24 * 1024;

export interface Counts {
  readonly target: string | undefined;
  /** Receipts so far that ended without being handed back, the next one not included. */
  readonly attempts: number;
  readonly crashes: number;
  /** Not before, ms since the epoch. */
  readonly due: number | undefined;
}

export const NO_COUNTS: Counts = { target: undefined, attempts: 0, crashes: 0, due: undefined };

export function countsOf(headers: KafkaRecord['headers']): Counts {
  return {
    target: textIn(headers, OWN.target),
    attempts: wholeIn(headers, OWN.attempts) ?? 0,
    crashes: wholeIn(headers, OWN.crashes) ?? 0,
    due: wholeIn(headers, OWN.due),
  };
}

export function countHeaders({ target, attempts, crashes, due }: Counts): Record<string, string> {
  return {
    [OWN.attempts]: String(attempts),
    [OWN.crashes]: String(crashes),
    ...(target !== undefined && { [OWN.target]: target }),
    ...(due !== undefined && { [OWN.due]: String(due) }),
  };
}

export function deathHeaders(dead: Dead, diedAt: number): Record<string, string> {
  return {
    [OWN.reason]: dead.reason,
    [OWN.error]: clip(dead.error, LONGEST_ERROR),
    [OWN.attempts]: String(dead.attempts),
    [OWN.diedAt]: String(diedAt),
    ...(dead.target !== undefined && { [OWN.target]: dead.target }),
    ...(dead.event !== undefined && { [OWN.event]: dead.event }),
    ...(dead.eventId !== undefined && { [OWN.eventId]: dead.eventId }),
  };
}

/** Those that a copy carries on: the producer's own. */
export function foreignHeaders(headers: KafkaRecord['headers']): RecordHeaders {
  let kept: Record<string, Uint8Array> | undefined;
  for (const [name, value] of Object.entries(headers)) {
    if (NAMES.has(name)) continue;
    kept ??= Object.create(null) as Record<string, Uint8Array>;
    kept[name] = value;
  }
  return kept ?? {};
}

export function textIn(headers: KafkaRecord['headers'], name: string): string | undefined {
  return headers[name]?.toString();
}

export function wholeIn(headers: KafkaRecord['headers'], name: string): number | undefined {
  const text = headers[name]?.toString();
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function clip(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return `${Buffer.from(text).subarray(0, bytes).toString().replace(/�+$/, '')} …`;
}
