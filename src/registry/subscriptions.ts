import { ThrunError } from '../contracts/errors.js';
import type { Class, EventContext, EventListener, ListenerOptions } from '../contracts/listener.js';
import { type CollectOptions, classListener, eventListener, listenerFrom } from './collect.js';
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
    return this.#registry.add(
      isListenerClass(listener)
        ? classListener(listener, events, options, this.#options)
        : eventListener(this.#describe(listener, options), events, options, this.#options.retry),
    );
  }

  /** By what its decorator recorded. Returns a function that ends it. */
  addDecorated(type: Class): () => void {
    const record = recorded().findLast((entry) => entry.type === type && entry.kind !== 'event');
    const listener = record && listenerFrom(record, this.#options);
    if (!listener) throw new ThrunError('THRUN_NOT_DECORATED', [type.name, '@ThrunEventListener or @ThrunJob']);
    return this.#registry.add(listener);
  }

  addRecorded(records: readonly DecoratorRecord[]): void {
    for (const record of records) {
      const listener = listenerFrom(record, this.#options);
      if (listener) this.#registry.add(listener);
    }
  }

  #describe(run: ListenerFunction<never>, { name = run.name }: ListenerOptions) {
    const named = name === '' ? `listener-${++this.#unnamed}` : name;
    return { name: named, origin: `function ${named}`, run: run as ListenerFunction<unknown> };
  }
}

function isListenerClass(listener: Class<EventListener> | ListenerFunction<never>): listener is Class<EventListener> {
  return typeof (listener.prototype as Partial<EventListener> | undefined)?.handle === 'function';
}
