/** Any value JSON can hold. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/**
 * What travels beside the payload. `event_id` and `timestamp` are always there once an envelope
 * has been received: where a foreign program left them out, the codec fills them in.
 */
export interface Meta {
  /** Stays the same over every redelivery of one message. thrun writes UUIDv7. */
  readonly event_id: string;
  /** RFC 3339, UTC. The broker's time where the producer gave none. */
  readonly timestamp: string;
  /** Who published: an application or a language. */
  readonly source?: string;
  /** Ordering key. */
  readonly key?: string;
  /** RFC 3339: not to be handled before. Held by the transport. */
  readonly deliver_at?: string;
  /** RFC 3339: not to be handled after; then a dead letter `expired`. */
  readonly expires_at?: string;
  /** Shared by everything one first event led to. */
  readonly correlation_id?: string;
  /** The `event_id` of the event whose listener published this one. */
  readonly causation_id?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly batch_id?: string;
  readonly job_id?: string;
  /** What the job before this one in its batch returned. */
  readonly previous_result?: JsonValue;
  /** thrun's own book-keeping; foreign programs may ignore it. */
  readonly thrun?: JsonValue;
  /** Fields thrun does not know are carried as they came. */
  readonly [field: string]: JsonValue | undefined;
}

/** One event or job as it reads on the wire. Immutable. */
export interface Envelope<Payload = JsonValue> {
  /** The contract name. */
  readonly event: string;
  readonly payload: Payload;
  readonly meta: Meta;
}

/**
 * How an envelope is written: as it is, or as a CloudEvent 1.0 in structured JSON; in binary mode where the transport has headers
 * for it (kafka), structured elsewhere. All are read everywhere.
 */
export const WIRE_FORMATS = ['envelope', 'cloudevents', 'cloudevents-binary'] as const;
export type WireFormat = (typeof WIRE_FORMATS)[number];
