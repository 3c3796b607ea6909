import type { NamedBatchOptions } from '../contracts/batch.js';
import type { Class, EventOptions, ListenerOptions } from '../contracts/listener.js';

/** What one decorator said about one class. */
export type DecoratorRecord = EventRecord | ListenerRecord | JobRecord | NamedBatchRecord;

interface RecordBase {
  readonly type: Class;
  /** The stack at the decorator, from which discovery reads file and line. */
  readonly stack: string;
}

/** `@ThrunEvent('user_created')` */
export interface EventRecord extends RecordBase {
  readonly kind: 'event';
  readonly name: string;
  readonly options: EventOptions;
}

/** `@ThrunEventListener('user_created' | UserCreated | […], options)` */
export interface ListenerRecord extends RecordBase {
  readonly kind: 'listener';
  readonly events: readonly (string | Class)[];
  readonly options: ListenerOptions;
}

/** `@ThrunJob('create_payment', options)` */
export interface JobRecord extends RecordBase {
  readonly kind: 'job';
  readonly name: string;
  readonly options: ListenerOptions;
}

/** `@ThrunBatch('order', options)` */
export interface NamedBatchRecord extends RecordBase {
  readonly kind: 'batch';
  readonly name: string;
  readonly options: NamedBatchOptions;
}

interface Records {
  readonly all: DecoratorRecord[];
  readonly named: WeakMap<Class, EventRecord | JobRecord | NamedBatchRecord>;
}

/**
 * One list for the whole process, also where two copies of this package are loaded (a global CLI beside a project's
 * own dependency): a listener decorated by one must be seen by the other.
 */
const KEY = Symbol.for('thrun.records.1');
const shared = globalThis as { [KEY]?: Records };
const records: Records = (shared[KEY] ??= { all: [], named: new WeakMap() });

export function record(entry: DecoratorRecord): void {
  records.all.push(entry);
  if (entry.kind !== 'listener') records.named.set(entry.type, entry);
}

/** The name a class was given by `@ThrunEvent`, `@ThrunJob` or `@ThrunBatch`. */
export function recordOf(type: Class): EventRecord | JobRecord | NamedBatchRecord | undefined {
  return records.named.get(type);
}

/** Everything decorated so far, in the order it was loaded. */
export function recorded(): readonly DecoratorRecord[] {
  return records.all;
}

/** Everything that was decorated while `load` ran. */
export async function recordedDuring(load: () => Promise<unknown>): Promise<readonly DecoratorRecord[]> {
  const before = records.all.length;
  await load();
  return records.all.slice(before);
}
