import { ThrunError } from '../contracts/errors.js';
import type { Class } from '../contracts/listener.js';
import { contractNameOf } from '../registry/contract-name.js';
import { recordOf } from '../registry/records.js';

/** What to publish, as a caller may say it: a name and a payload, a class and a payload, or an instance. */
export interface Contract {
  readonly event: string;
  readonly payload: unknown;
  readonly type: Class | undefined;
}

/** Resolves a class or an instance to its contract name: no class name ever leaves the process. */
export function contractOf(event: string | Class | object, payload: unknown): Contract {
  if (typeof event === 'string') return { event, payload, type: undefined };
  if (typeof event === 'function') return { event: contractNameOf(event as Class), payload, type: event as Class };
  const type = event.constructor as Class | undefined;
  if (typeof type !== 'function' || type === Object) {
    throw new ThrunError('THRUN_EVENT_NAME', [
      JSON.stringify(event),
      'give a name, a class, or an instance of a class',
    ]);
  }
  if (recordOf(type)?.kind === 'batch') {
    throw new ThrunError('THRUN_EVENT_NAME', [type.name, 'it is a batch; send it with thrun.batch(…)']);
  }
  // A job carries its payload in one field; an event is its own payload.
  const isJob = recordOf(type)?.kind === 'job';
  return {
    event: contractNameOf(type),
    payload: isJob ? (event as { payload?: unknown }).payload : { ...event },
    type,
  };
}
