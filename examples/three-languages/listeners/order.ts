import { type JobContext, type LifecyclePayload, ThrunEventListener, ThrunJob } from 'thrun';

/** The first step: what it returns is PHP's `previous_result`. */
@ThrunJob('price')
export class Price {
  constructor(readonly payload: { sku: string; amount: number }) {}
  handle() {
    const result = { total: Math.round(this.payload.amount * 990) / 100 };
    console.log(`price    TypeScript  ${JSON.stringify(this.payload)} -> ${JSON.stringify(result)}`);
    return result;
  }
}

/** The last one: it gets what Go returned. */
@ThrunJob('thank')
export class Thank {
  constructor(readonly payload: { to: string }) {}
  handle({ batch }: JobContext) {
    console.log(`thank    TypeScript  ${JSON.stringify(batch?.previousResult)}`);
  }
}

@ThrunEventListener('order.finished')
export class Finished {
  handle({ status, succeeded, total, error }: LifecyclePayload) {
    console.log(`order.finished: ${status}, ${succeeded} of ${total}${error ? `, ${error.message}` : ''}`);
  }
}
