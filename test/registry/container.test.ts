import { afterEach, expect, test } from 'vitest';
import { type Class, type EventContext, type JobContext, ThrunEventListener, ThrunJob } from '../../src/index.js';
import { type TestThrun, testThrun } from '../../src/testing/index.js';

let app: TestThrun;
afterEach(() => app.close());

const sent: string[] = [];
const mailer = { send: (text: string) => void sent.push(text) };

@ThrunEventListener('user_created')
class Welcome {
  constructor(private readonly mail: typeof mailer) {}
  handle(payload: { id: number }, context: EventContext) {
    this.mail.send(`welcome ${payload.id}, attempt ${context.attempt}`);
  }
}

@ThrunJob('send_invoice')
class SendInvoice {
  constructor(
    private readonly mail: typeof mailer,
    readonly payload: { order: number },
  ) {}
  handle(context: JobContext) {
    this.mail.send(`invoice ${this.payload.order} for ${context.event}`);
  }
}

const make = (type: Class, payload?: unknown) => new type(mailer, payload);

test.each([
  ['at once', make],
  ['later', async (type: Class, payload?: unknown) => Promise.resolve(make(type, payload))],
])('the container makes listeners and jobs, %s', async (_, container) => {
  sent.length = 0;
  app = await testThrun({ run: [Welcome, SendInvoice], container });
  await app.thrun.event('user_created', { id: 7 });
  await app.thrun.event('send_invoice', { order: 8 });
  await app.settle();
  expect(sent.sort()).toEqual(['invoice 8 for send_invoice', 'welcome 7, attempt 1']);
});

test.each<[string, () => unknown, string]>([
  ['nothing', () => undefined, 'The container gave (undefined) no instance of Welcome with a handle() method'],
  ['null', () => null, 'The container gave (null) no instance of Welcome'],
  ['something else', () => ({}), 'The container gave (object) no instance of Welcome'],
  ['a promise of nothing', async () => Promise.resolve(), 'The container gave (undefined) no instance of Welcome'],
  [
    'an error',
    () => {
      throw new Error('not bound');
    },
    'Error: not bound',
  ],
])('a container that gives %s: the delivery fails, and says why', async (_, container, error) => {
  app = await testThrun({ run: [Welcome], container, retry: { attempts: 1 } });
  await app.thrun.event('user_created', { id: 7 });
  await app.settle();
  expect(await app.deadLetters()).toMatchObject([
    { reason: 'attempts_exhausted', error: expect.stringContaining(error) },
  ]);
});
