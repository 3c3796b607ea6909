import { afterAll, beforeAll, expect } from 'vitest';
import type { StatusDocument } from '../../../src/cli/batch/documents.js';
import type { Ended } from '../../support/command.js';
import { Shop } from '../shop.js';

export const LISTENERS = {
  'listeners/order.ts': `import { GiveUp, type JobContext, ThrunBatch, ThrunEventListener, ThrunJob } from 'thrun';
import { existsSync } from 'node:fs';

@ThrunJob('create_payment')
export class CreatePayment {
  constructor(readonly payload: { fails?: boolean }) {}
  handle(context: JobContext) {
    if (this.payload.fails && !existsSync('mended')) throw new GiveUp('card\\u001b[2J declined');
    return { from: 'create_payment' };
  }
}

@ThrunJob('slow')
export class Slow {
  constructor(readonly payload: unknown) {}
  handle({ signal }: JobContext) {
    console.log('slow begins');
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }
}

@ThrunJob('send_mail', { queue: 'mail' })
export class SendMail {
  constructor(readonly payload: unknown) {}
  handle(context: JobContext) {
    console.log('mailed', Buffer.from(context.body).toString());
  }
}

@ThrunBatch('order', { then: 'order.success', catch: 'order.failed', finally: 'order.finished', progress: 'order.progress' })
export class OrderBatch {
  constructor(readonly payload: { orderId: number }) {}
  jobs() {
    if (this.payload.orderId < 0) throw new Error('no such order');
    return [new CreatePayment({}), [new SendMail(this.payload), new CreatePayment({})]];
  }
}

@ThrunEventListener('order.*')
export class News {
  handle(payload: unknown, { event }: JobContext) {
    console.log('heard', event);
  }
}
`,
};

/** A shop with these listeners for all tests of a file, and what they do with its batches. */
export function batchShop() {
  const shop = new Shop(LISTENERS);
  beforeAll(() => shop.json(['discover']));
  afterAll(() => shop.dispose());
  return {
    shop,
    started: async (...args: readonly string[]) =>
      (await shop.json<{ batch_id: string }>(['batch', 'start', ...args])).batch_id,
    statusOf: (id: string) => shop.json<StatusDocument>(['batch', 'status', id]),
    explained: async (id: string) => (await shop.run(['batch', 'explain', id])).stdout,
    work: async (...flags: readonly string[]): Promise<Ended> => {
      const ended = await shop.run(['work', '--stop-when-empty', ...flags]);
      expect(ended.code).toBe(0);
      return ended;
    },
  };
}
