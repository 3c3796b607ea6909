import type { Clock } from '../contracts/clock.js';
import { type JsonValue, type Meta, WIRE_FORMATS } from '../contracts/envelope.js';
import { ThrunError } from '../contracts/errors.js';
import type { Class, PublishOptions } from '../contracts/listener.js';
import { transportName } from '../contracts/route.js';
import type { OutgoingMessage, Transport } from '../contracts/transport.js';
import { parseDuration } from '../contracts/units.js';
import { encode, type Limits, type MetaFields, timeText } from '../envelope/index.js';
import { type Contract, contractOf } from './payload-of.js';
import type { Routes } from './routes.js';
import { readTime } from '../envelope/time.js';

export interface DispatcherParts {
  readonly clock: Clock;
  readonly limits: Limits;
  /** `meta.source` where the publisher names none. */
  readonly source: string;
  readonly routes: Routes;
  /** Where a contract goes when neither the publisher nor a route names a queue. */
  readonly queueFor: (contract: Contract) => string;
  /** The transport of this name, the default one without; open. */
  readonly transport: (name: string | undefined) => Transport | Promise<Transport>;
}

/** One event of many. */
export interface EventInput extends PublishOptions {
  readonly event: string | Class | object;
  readonly payload?: unknown;
}

/** Makes one of the calls that many events take: one for each queue. It may try it again, and need not repeat the others. */
export type SendCall = (call: () => Promise<void>) => Promise<void>;

const sendOnce: SendCall = (call) => call();

/** From event or class to envelope, to its queue, to the transport. */
export class Dispatcher {
  readonly #parts: DispatcherParts;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** Resolves to the event id once the event is as durable as the transport makes it. */
  async publish(
    event: string | Class | object,
    payload: unknown,
    options: PublishOptions = NO_OPTIONS,
  ): Promise<string> {
    const { message, transport, queue, id } = this.#prepare(event, payload, options);
    const found = this.#parts.transport(transport);
    const open = found instanceof Promise ? await found : found;
    await open.publish(queue, [message]);
    return id;
  }

  /** Many at once, one call for each queue of each transport. Resolves to their ids, in order. */
  async publishAll(inputs: readonly EventInput[], send: SendCall = sendOnce): Promise<string[]> {
    const calls = new Map<string, { transport: string | undefined; queue: string; messages: OutgoingMessage[] }>();
    const ids = inputs.map((input) => {
      const { message, transport, queue, id } = this.#prepare(input.event, input.payload, input);
      const key = `${transport ?? ''} ${queue}`;
      let call = calls.get(key);
      if (!call) calls.set(key, (call = { transport, queue, messages: [] }));
      call.messages.push(message);
      return id;
    });
    for (const { transport, queue, messages } of calls.values()) {
      await send(async () => (await this.#parts.transport(transport)).publish(queue, messages));
    }
    return ids;
  }

  /** As a listener publishes: correlation, causation and trace go on from what it received. */
  publishFrom(cause: Meta, event: string | object, payload: unknown, options: PublishOptions): Promise<string> {
    const { correlation_id = cause.event_id, traceparent, tracestate } = cause;
    const carried = { correlation_id, causation_id: cause.event_id, traceparent, tracestate };
    const meta = Object.fromEntries(Object.entries(carried).filter(([, value]) => value !== undefined));
    return this.publish(event, payload, {
      ...options,
      meta: { ...(meta as Record<string, JsonValue>), ...options.meta },
    });
  }

  #prepare(event: string | Class | object, payload: unknown, options: PublishOptions) {
    if (options.queue !== undefined || options.format !== undefined) checkPlace(options);
    const contract = contractOf(event, payload);
    const route = this.#parts.routes.of(contract.event);
    const deliverAt = deliveryTime(options, this.#parts.clock);
    const { body, eventId, cloudEvent } = encode(
      { event: contract.event, payload: contract.payload, meta: this.#meta(options, deliverAt) },
      this.#parts.limits,
      options.format ?? route?.format,
    );
    const message: OutgoingMessage = { body, event: contract.event, key: options.key, deliverAt, cloudEvent };
    return {
      message,
      id: eventId,
      transport: options.transport ?? (route?.transport && transportName(route.transport)),
      queue: options.queue ?? route?.queue ?? this.#parts.queueFor(contract),
    };
  }

  #meta(options: PublishOptions, deliverAt: number | undefined): MetaFields {
    const { id, key, source = this.#parts.source, expiresAt, meta } = options;
    const fields = {
      event_id: id,
      timestamp: timeText(this.#parts.clock.now()),
      source,
      key,
      deliver_at: deliverAt === undefined ? undefined : new Date(deliverAt).toISOString(),
      expires_at: expiresAt === undefined ? undefined : new Date(timeOf(expiresAt)).toISOString(),
    };
    return meta === undefined ? fields : { ...fields, ...meta };
  }
}

const NO_OPTIONS: PublishOptions = {};

/**
 * A queue of a name that no worker can be told of would keep what it is given for ever.
 * @throws {ThrunError} THRUN_INPUT
 */
function checkPlace({ queue = 'events', format = 'envelope' }: PublishOptions): void {
  if (queue === '' || /[\s\p{Cc}*]/u.test(queue) || Buffer.byteLength(queue) > 255) {
    const rule = '1 to 255 bytes without white space, control characters and "*"';
    throw new ThrunError('THRUN_INPUT', [`${JSON.stringify(queue)} cannot be the name of a queue: ${rule}.`]);
  }
  if (!WIRE_FORMATS.includes(format))
    throw new ThrunError('THRUN_INPUT', [
      `There is no format ${JSON.stringify(format)}. Known: ${WIRE_FORMATS.join(', ')}.`,
    ]);
}

function deliveryTime({ delay, at }: PublishOptions, clock: Clock): number | undefined {
  if (at !== undefined) return timeOf(at);
  return delay === undefined ? undefined : clock.now() + parseDuration(delay);
}

/** @throws {ThrunError} THRUN_TIME, for a text that is no RFC 3339 too: without a zone nobody can say when it is */
function timeOf(time: Date | string): number {
  const ms = time instanceof Date ? time.getTime() : Date.parse(readTime(time) ?? '');
  if (Number.isNaN(ms)) throw new ThrunError('THRUN_TIME', [JSON.stringify(time)]);
  return ms;
}
