import type { WireFormat } from './envelope.js';
import type { Transport } from './transport.js';

/** Where events and jobs of some names go, and how they are written. */
export interface Route<Name extends string = string> {
  /** A contract name or pattern (`payment.*`), or several. The first route that matches a name counts. */
  readonly match: string | readonly string[];
  /** Default: the config's own transport. */
  readonly transport?: Name | Transport;
  /** Default: the queue of the job's handler, else the config's. */
  readonly queue?: string;
  /**
   * `cloudevents` writes CloudEvents 1.0 in structured JSON, `cloudevents-binary` in headers where the transport has them; all
   * are read everywhere. Default `envelope`.
   */
  readonly format?: WireFormat;
  /**
   * Workers receive from where it leads: `true` always, `false` never. Default: where a listener or job names a contract
   * that it matches, or a pattern that lies within its own. A listener to more than it leads there (`*`) is no reason, for it
   * would eat the queue of a program in another language.
   */
  readonly consume?: boolean;
}

export function transportName(transport: string | Transport): string {
  return typeof transport === 'string' ? transport : transport.name;
}
