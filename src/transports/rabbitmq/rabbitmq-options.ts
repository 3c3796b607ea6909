import type { ConnectionOptions } from 'node:tls';

export interface RabbitmqOptions {
  /** `amqp[s]://[user:password@]host[:port][/vhost]`. Default `amqp://127.0.0.1:5672`. */
  readonly url?: string | undefined;
  /** `host:port` of further nodes of the cluster: when one is gone the next is tried. */
  readonly nodes?: readonly string[] | undefined;
  /** For `amqps://`: what Node's `tls.connect` takes. */
  readonly tls?: ConnectionOptions | undefined;
  /** A link that is silent for twice this long is given up by both sides. */
  readonly heartbeatMs: number;
  /** How long a publish may wait for its confirmation, a lost connection and a blocked broker included. */
  readonly timeoutMs: number;
  /** What this application has on the broker: AMQP cannot list queues, so dead letters and depths are looked for here. */
  readonly group?: string | undefined;
  readonly queues?: readonly string[] | undefined;
}
