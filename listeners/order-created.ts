import { type EventContext, ThrunEventListener } from 'thrun';

/** What the service that takes orders promises to send; it may be written in any language. */
declare module 'thrun' {
  interface ThrunPayloads {
    order_created: { order_id: number };
  }
}

@ThrunEventListener('order_created')
export class OrderCreatedHandler {
  async handle(payload: { order_id: number }, context: EventContext) {
    context.logger.debug({ order: payload.order_id, source: context.meta.source ?? 'unknown' }, 'an order came in');
  }
}
