import type { ListenerOptions, RetryOptions } from '../contracts/listener.js';
import { parseDuration } from '../contracts/units.js';
import { contractNameOf } from './contract-name.js';
import { isPattern } from './pattern.js';
import type { DecoratorRecord, JobRecord, ListenerRecord } from './records.js';

/** A record with its place, `file` relative to the root with `/`. */
export interface LocatedRecord {
  readonly record: DecoratorRecord;
  readonly file: string;
  readonly line: number;
}

/** One contract and what runs for it. */
export interface ContractEntry {
  readonly contract: string;
  /** A listener to one event, a listener to a pattern, or the handler of a job. */
  readonly kind: 'event' | 'pattern' | 'job';
  /** The listener's stable name. */
  readonly listener: string;
  readonly class: string;
  /** Relative to the root, with `/` on every system. */
  readonly file: string;
  readonly line: number;
  /** What the decorator said, where it did; durations in milliseconds. */
  readonly queue?: string;
  readonly retry?: RetryEntry;
  readonly timeout?: number;
  readonly concurrency?: number;
}

interface RetryEntry extends RetryOptions {
  readonly delay?: number;
  readonly maxDelay?: number;
}

/** A class that names an event. Nothing runs for it by itself. */
export interface EventEntry {
  readonly contract: string;
  readonly class: string;
  readonly file: string;
  readonly line: number;
}

/** A class that names a kind of batch. */
export type BatchEntry = EventEntry;

/** One entry for each contract a listener or job has; only for records without problems. */
export function contractEntries({ record, file, line }: LocatedRecord): readonly ContractEntry[] {
  if (record.kind === 'event' || record.kind === 'batch') return [];
  const { type, options } = record;
  const contracts =
    record.kind === 'job'
      ? [record.name]
      : record.events.map((event) => (typeof event === 'string' ? event : contractNameOf(event)));
  return contracts.map((contract) => ({
    contract,
    kind: record.kind === 'job' ? 'job' : isPattern(contract) ? 'pattern' : 'event',
    listener: listenerName(record),
    class: type.name,
    file,
    line,
    ...settings(options),
  }));
}

export function eventEntries({ record, file, line }: LocatedRecord): readonly EventEntry[] {
  return record.kind === 'event' ? [{ contract: record.name, class: record.type.name, file, line }] : [];
}

export function batchEntries({ record, file, line }: LocatedRecord): readonly BatchEntry[] {
  return record.kind === 'batch' ? [{ contract: record.name, class: record.type.name, file, line }] : [];
}

/** Event listeners go by their class, jobs by their contract. */
export function listenerName(record: ListenerRecord | JobRecord): string {
  return record.options.name ?? (record.kind === 'job' ? record.name : record.type.name);
}

function settings({ queue, retry, timeout, concurrency }: ListenerOptions) {
  return {
    ...(queue !== undefined && { queue }),
    ...(retry !== undefined && { retry: retryEntry(retry) }),
    ...(timeout !== undefined && { timeout: parseDuration(timeout) }),
    ...(concurrency !== undefined && { concurrency }),
  };
}

function retryEntry({ delay, maxDelay, ...rest }: RetryOptions): RetryEntry {
  return {
    ...rest,
    ...(delay !== undefined && { delay: parseDuration(delay) }),
    ...(maxDelay !== undefined && { maxDelay: parseDuration(maxDelay) }),
  };
}
