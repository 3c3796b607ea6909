import type { NamedBatch, NamedBatchOptions } from '../contracts/batch.js';
import type { Class, EventListener, EventOptions, Job, ListenerOptions, PayloadOf } from '../contracts/listener.js';
import { record } from './records.js';

/**
 * A class decorator in both dialects: standard (TC39) calls it with `(class, context)`, `experimentalDecorators` with
 * `(class)` alone. It only records; nothing is looked up or started at load time.
 */
type ClassDecorator<Type extends Class> = (type: Type, context?: ClassDecoratorContext) => void;

/** The payload a listener to these events is handed: of a name its declared type, of a class its instance. */
type PayloadFor<Event> = Event extends string
  ? PayloadOf<Event>
  : Event extends Class<infer Instance>
    ? Instance
    : never;

/** Names the event that a class stands for. */
export function ThrunEvent<Type extends Class = Class>(name: string, options: EventOptions = {}): ClassDecorator<Type> {
  const stack = stackHere();
  return (type) => record({ kind: 'event', type, name, options, stack });
}

/**
 * Makes a class listen to an event by name or class, to several, or to a pattern (`payment.*`, `*`). Its `handle` is
 * called with the payload and the context; returning acknowledges, throwing retries by its policy.
 */
export function ThrunEventListener<const Event extends string | Class>(
  events: Event | readonly Event[],
  options: ListenerOptions = {},
): ClassDecorator<Class<EventListener<PayloadFor<Event>>>> {
  const stack = stackHere();
  const list: readonly (string | Class)[] = Array.isArray(events) ? events : [events];
  return (type) => record({ kind: 'listener', type, events: list, options, stack });
}

/** Makes a class a job: a contract name with exactly one handler, made from its payload and run by `handle(context)`. */
export function ThrunJob<const Name extends string>(
  name: Name,
  options: ListenerOptions<PayloadOf<Name>> = {},
): ClassDecorator<Class<Job<PayloadOf<Name>>>> {
  const stack = stackHere();
  return (type) => record({ kind: 'job', type, name, options: options as ListenerOptions, stack });
}

/** Names a kind of batch, so that it can be started by name: `thrun.batch(new OrderBatch(…))`, `thrun batch start order`. */
export function ThrunBatch(name: string, options: NamedBatchOptions = {}): ClassDecorator<Class<NamedBatch>> {
  const stack = stackHere();
  return (type) => record({ kind: 'batch', type, name, options, stack });
}

function stackHere(): string {
  return new Error('here').stack ?? '';
}
