import { randomUUID } from 'node:crypto';

export const EVENT = 'order_created';

/** What is published: an order, as an application would send it. */
export function order(n) {
  return {
    order_id: 1_000_000 + n,
    customer_id: (n * 7919) % 100_003,
    total: ((n * 31) % 90_000) / 100,
    currency: 'EUR',
    items: [{ sku: `SKU-${n % 500}`, quantity: 1 + (n % 4) }],
  };
}

/** The same in the envelope thrun writes. The others store it too, so that all write the same bytes: about 270. */
export function envelope(payload) {
  return {
    event: EVENT,
    payload,
    meta: { event_id: randomUUID(), timestamp: new Date().toISOString(), source: 'bench' },
  };
}
