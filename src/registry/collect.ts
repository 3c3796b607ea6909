import { ThrunError } from '../contracts/errors.js';
import type { Class, Container, EventContext, EventListener, Job, ListenerOptions } from '../contracts/listener.js';
import { contractNameOf } from './contract-name.js';
import { eventInstance } from './event-instance.js';
import { type Listener, makeListener, type RetryPolicy } from './listener.js';
import { type DecoratorRecord, recordOf } from './records.js';

export interface CollectOptions {
  readonly container: Container;
  readonly retry: RetryPolicy;
}

/** From what a decorator recorded to what a worker runs; nothing for a class that only names an event or a batch. */
export function listenerFrom(record: DecoratorRecord, options: CollectOptions): Listener | undefined {
  switch (record.kind) {
    case 'event':
    case 'batch':
      return undefined;
    case 'job':
      return jobHandler(record.type, record.name, record.options, options);
    case 'listener':
      return classListener(record.type, record.events, record.options, options);
  }
}

export function classListener(
  type: Class,
  events: readonly (string | Class)[],
  own: ListenerOptions,
  { container, retry }: CollectOptions,
): Listener {
  const run = (payload: unknown, context: EventContext) =>
    withInstance<EventListener>(container(type), type, (listener) => listener.handle(payload, context));
  return eventListener({ name: own.name ?? type.name, origin: type.name, run }, events, own, retry);
}

/** A listener to names and classes: a class's event reaches it as an instance of that class. */
export function eventListener(
  what: {
    readonly name: string;
    readonly origin: string;
    readonly run: (payload: unknown, context: EventContext) => unknown;
  },
  events: readonly (string | Class)[],
  own: ListenerOptions,
  retry: RetryPolicy,
): Listener {
  const classes = new Map<string, Class>();
  for (const event of events) if (typeof event !== 'string') classes.set(contractNameOf(event), event);
  const { run } = what;
  const handle =
    classes.size === 0
      ? run
      : (payload: unknown, context: EventContext) => {
          const type = classes.get(context.event);
          return run(type ? eventInstance(type, payload) : payload, context);
        };
  return makeListener(
    {
      name: what.name,
      origin: what.origin,
      kind: 'event',
      contracts: events.map((event) => (typeof event === 'string' ? event : contractNameOf(event))),
      handle,
    },
    { schema: schemaOf(events), ...own } as ListenerOptions,
    retry,
  );
}

function jobHandler(type: Class, name: string, own: ListenerOptions, { container, retry }: CollectOptions): Listener {
  return makeListener(
    {
      name: own.name ?? name,
      origin: type.name,
      kind: 'job',
      contracts: [name],
      handle: (payload, context) => withInstance<Job>(container(type, payload), type, (job) => job.handle(context)),
    },
    own,
    retry,
  );
}

/** Calls what the container made; one that answers with a promise, as some do, is waited for. */
function withInstance<Instance extends { handle: unknown }>(
  made: unknown,
  type: Class,
  call: (instance: Instance) => unknown,
): unknown {
  if (made instanceof Promise) return made.then((instance: unknown) => withInstance(instance, type, call));
  if (typeof (made as Instance | undefined | null)?.handle === 'function') return call(made as Instance);
  throw new ThrunError('THRUN_CONTAINER', [made === null ? 'null' : typeof made, type.name]);
}

/** The schema that `@ThrunEvent` gave the one class listened to; a listener's own takes its place. */
function schemaOf(events: readonly (string | Class)[]): ListenerOptions['schema'] {
  const [only, more] = events;
  if (only === undefined || more !== undefined || typeof only === 'string') return undefined;
  const record = recordOf(only);
  return record?.kind === 'event' ? record.options.schema : undefined;
}
