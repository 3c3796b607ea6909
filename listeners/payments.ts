import { type EventContext, GiveUp, type JobContext, ThrunEventListener, ThrunJob } from 'thrun';

@ThrunJob('create_payment')
export class CreatePayment {
  constructor(readonly payload: { orderId: number; card?: string }) {}

  async handle(context: JobContext) {
    // Trying again would not help: a dead letter at once, for a person to look at.
    if (this.payload.card === 'stolen')
      throw new GiveUp(`the card of order ${this.payload.orderId} is reported stolen`);
    await context.publish('payment.created', { orderId: this.payload.orderId });
    return { paymentId: `pay-${this.payload.orderId}` };
  }
}

/** A pattern: every payment event there is, and every one there will be. */
@ThrunEventListener('payment.*')
export class PaymentAudit {
  async handle(payload: unknown, context: EventContext) {
    context.logger.debug({ event: context.event, payload }, 'audited');
  }
}
