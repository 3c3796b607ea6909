import type { Thrun } from '../../../src/index.js';
import type { Heard } from './audit.js';

export interface ListeningIn {
  /** All that was sent until now, in order. Stopping twice is safe. */
  stop(): Promise<readonly Heard[]>;
}

/**
 * One consumer of a group of its own, which so receives in the order of publishing: what was sent, as it was sent. Hears
 * nothing where a transport has no groups, or promises no order.
 */
export async function listenIn(thrun: Thrun, prefix: string): Promise<ListeningIn> {
  const transport = await thrun.transport();
  const sent: Heard[] = [];
  if (!transport.traits.fanOut || !transport.traits.ordered) return { stop: async () => sent };
  const consumer = await transport.consume({
    queue: thrun.config.queue,
    group: 'listening-in',
    visibilityMs: 600_000,
    onNotice: () => undefined,
  });
  let stopping = false;
  const listening = (async () => {
    for (;;) {
      const deliveries = await consumer.next(500, { waitMs: 500 });
      if (deliveries.length === 0 && stopping) return;
      for (const delivery of deliveries) {
        const { event, payload, meta } = JSON.parse(Buffer.from(delivery.body).toString()) as Envelope;
        void delivery.ack();
        if (!event.startsWith(prefix)) continue;
        sent.push({ id: meta.event_id, lifecycle: meta.thrun.lifecycle, batch: payload.batch_id, payload });
      }
    }
  })();
  return {
    stop: async () => {
      stopping = true;
      await listening;
      await consumer.close();
      return sent;
    },
  };
}

interface Envelope {
  readonly event: string;
  readonly payload: Heard['payload'];
  readonly meta: { readonly event_id: string; readonly thrun: { readonly lifecycle: Heard['lifecycle'] } };
}
