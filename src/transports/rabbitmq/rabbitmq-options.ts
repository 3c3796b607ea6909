export interface RabbitmqOptions {
  /** `amqp://` or `amqps://`; several nodes of one cluster are tried in turn. */
  readonly urls: readonly string[];
  /** A link that is silent for twice this long is given up by both sides. */
  readonly heartbeatMs: number;
  /** How long a publish may wait for its confirmation, a lost connection and a blocked broker included. */
  readonly publishTimeoutMs: number;
  readonly tls?: RabbitmqTls | undefined;
  /** What this application has on the broker: AMQP cannot list queues, so dead letters and depths are looked for here. */
  readonly group?: string | undefined;
  readonly queues?: readonly string[] | undefined;
}

/** Paths of PEM files, for `amqps://`. */
export interface RabbitmqTls {
  /** The authority that signed the broker's certificate, where the system does not know it. */
  readonly ca?: string | undefined;
  /** The client's own certificate and key, where the broker asks for them. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}
