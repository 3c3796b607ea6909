import { ThrunError } from '../contracts/errors.js';
import type { Class, EventContext, EventListener, ListenerOptions } from '../contracts/listener.js';
import { type CollectOptions, classListener, eventListener, listenerFrom } from './collect.js';
import { functionProblems, recordProblems, subject } from './check.js';
import { type DecoratorRecord, recorded } from './records.js';
import type { Registry } from './registry.js';

/** A function that listens. */
export type ListenerFunction<Payload> = (payload: Payload, context: EventContext) => unknown;

/** What an application listens with, classes and functions, as listeners of its registry. */
export class Subscriptions {
  readonly #registry: Registry;
  readonly #options: CollectOptions;
  #unnamed = 0;

  constructor(registry: Registry, options: CollectOptions) {
    this.#registry = registry;
    this.#options = options;
  }

  /** Returns a function that ends it. */
  add(
    events: readonly (string | Class)[],
    listener: Class<EventListener> | ListenerFunction<never>,
    options: ListenerOptions,
  ): () => void {
    const { retry } = this.#options;
    const each = [...new Set(events)];
    if (isListenerClass(listener)) {
      this.#check({ kind: 'listener', type: listener, events: each, options, stack: '' });
      return this.#registry.add(classListener(listener, events, options, this.#options));
    }
    refuse('A function', functionProblems(listener, each, options, retry));
    return this.#registry.add(eventListener(this.#describe(listener, options), events, options, retry));
  }

  /** By what its decorator recorded. Returns a function that ends it. */
  addDecorated(type: Class): () => void {
    const record = recorded().findLast((entry) => entry.type === type && entry.kind !== 'event');
    if (record) this.#check(record);
    const listener = record && listenerFrom(record, this.#options);
    if (!listener) throw new ThrunError('THRUN_NOT_DECORATED', [type.name, '@ThrunEventListener or @ThrunJob']);
    return this.#registry.add(listener);
  }

  addRecorded(records: readonly DecoratorRecord[]): void {
    for (const record of records) {
      this.#check(record);
      const listener = listenerFrom(record, this.#options);
      if (listener) this.#registry.add(listener);
    }
  }

  /** What discovery would refuse is refused here too: a mistyped option would be none, without a word. */
  #check(record: DecoratorRecord): void {
    refuse(subject(record), recordProblems(record, this.#options.retry));
  }

  #describe(run: ListenerFunction<never>, { name = run.name }: ListenerOptions) {
    const named = name === '' ? `listener-${++this.#unnamed}` : name;
    return { name: named, origin: `function ${named}`, run: run as ListenerFunction<unknown> };
  }
}

/** @throws {ThrunError} THRUN_LISTENER, with everything that is wrong */
function refuse(who: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new ThrunError('THRUN_LISTENER', [who, problems.join('; ')]);
}

/** `handle` may be a method, or a field, of which only the text of the class tells. */
function isListenerClass(listener: Class<EventListener> | ListenerFunction<never>): listener is Class<EventListener> {
  if (typeof listener !== 'function') return false;
  const { handle } = (listener.prototype ?? {}) as Partial<EventListener>;
  return typeof handle === 'function' || /^class\b/.test(String(listener));
}
