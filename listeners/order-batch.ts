import {
  type EventContext,
  type JobContext,
  type LifecyclePayload,
  ThrunBatch,
  ThrunEventListener,
  ThrunJob,
} from 'thrun';
import { CreatePayment } from './payments.js';

interface Order {
  readonly orderId: number;
}

@ThrunJob('reserve_stock')
export class ReserveStock {
  constructor(readonly payload: Order) {}
  handle() {
    return { shelf: `A${this.payload.orderId}` };
  }
}

@ThrunJob('invoice')
export class Invoice {
  constructor(readonly payload: Order) {}
  handle() {
    return { invoice: `2026-${this.payload.orderId}` };
  }
}

@ThrunJob('send_order_email', { queue: 'mail' })
export class SendOrderEmail {
  constructor(readonly payload: Order) {}
  handle(context: JobContext) {
    context.logger.debug(
      { order: this.payload.orderId, enclosed: context.batch?.previousResult },
      'the order is confirmed',
    );
  }
}

/** Paid first; then stock and invoice beside each other; the mail last. Start one: thrun batch start order '{"orderId":7}' */
@ThrunBatch('order', {
  progress: 'order.progress',
  then: 'order.success',
  catch: 'order.failed',
  finally: 'order.finished',
})
export class OrderBatch {
  constructor(readonly payload: Order) {}
  jobs() {
    const { payload } = this;
    return [new CreatePayment(payload), [new ReserveStock(payload), new Invoice(payload)], new SendOrderEmail(payload)];
  }
}

/** Whoever wants to know how a batch goes listens, in any language. */
@ThrunEventListener('order.*')
export class OrderNews {
  handle({ completed, total, percent }: LifecyclePayload, { event }: EventContext) {
    console.log(`${event}: ${completed} of ${total} jobs done (${percent}%)`);
  }
}
