import type { Delivery } from '../contracts/delivery.js';
import type { OutgoingMessage } from '../contracts/transport.js';
import { decode, type Limits, toStructured, Undecodable } from '../envelope/index.js';

/** What becomes of a batch that a bridge received. */
export interface Lot {
  /** To be published, and settled when it is: the two lists go together. */
  readonly messages: readonly OutgoingMessage[];
  readonly moving: readonly Delivery[];
  /** Not for the other side. */
  readonly skipped: readonly Delivery[];
  /** More than may be moved. */
  readonly rest: readonly Delivery[];
  readonly unreadable: readonly { readonly delivery: Delivery; readonly why: Undecodable }[];
}

export interface LotOptions {
  readonly transport: string;
  readonly limits: Limits;
  readonly matches: (event: string) => boolean;
  /** Most that may be moved. */
  readonly most: number;
  readonly now: number;
}

/** Reads each envelope as far as the other transport has to know it. The bytes stay as they came. */
export function lotOf(batch: readonly Delivery[], { transport, limits, matches, most, now }: LotOptions): Lot {
  const messages: OutgoingMessage[] = [];
  const moving: Delivery[] = [];
  const skipped: Delivery[] = [];
  const rest: Delivery[] = [];
  const unreadable: { delivery: Delivery; why: Undecodable }[] = [];
  for (const delivery of batch) {
    const { id, body, text, publishedAt, cloudEvent } = delivery;
    const envelope = decode(text ?? body, { transport, id, publishedAt, receivedAt: now }, limits, cloudEvent);
    if (envelope instanceof Undecodable) unreadable.push({ delivery, why: envelope });
    else if (!matches(envelope.event)) skipped.push(delivery);
    else if (moving.length >= most) rest.push(delivery);
    else {
      const { event, meta } = envelope;
      const deliverAt = meta.deliver_at === undefined ? now : Date.parse(meta.deliver_at);
      messages.push({ ...contentOf(delivery), event, key: meta.key, ...(deliverAt > now && { deliverAt }) });
      moving.push(delivery);
    }
  }
  return { messages, moving, skipped, rest, unreadable };
}

/** What is in headers on this side is in headers on the other, or, where there are none, with its data in structured JSON. */
function contentOf({ body, cloudEvent }: Delivery): Pick<OutgoingMessage, 'body' | 'cloudEvent'> {
  if (!cloudEvent) return { body };
  return { body: toStructured(cloudEvent, body), cloudEvent: { attributes: cloudEvent, data: body } };
}
