import { afterEach, describe, expect, test } from 'vitest';
import { type JobContext, ThrunEvent, ThrunJob } from '../../src/index.js';
import { contractNameOf } from '../../src/registry/contract-name.js';
import { type TestThrun, testThrun } from '../../src/testing/index.js';

let app: TestThrun | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe('a class stands for a contract name', () => {
  test.each([
    ['OrderCreated', 'order_created'],
    ['Order', 'order'],
    ['OrderShippedV2', 'order_shipped_v2'],
    ['HTTPRequestSeen', 'http_request_seen'],
    ['SeenByHTTP', 'seen_by_http'],
    ['Base64Encoded', 'base64_encoded'],
    ['already_snake', 'already_snake'],
  ])('%s without a decorator: %s', (name, contract) => {
    const type = Object.defineProperty(
      class {
        id = 1;
      },
      'name',
      { value: name },
    );
    expect(contractNameOf(type)).toBe(contract);
  });

  test('a decorator has the last word', () => {
    @ThrunEvent('acme.order')
    class OrderCreated {
      id = 1;
    }
    expect(contractNameOf(OrderCreated)).toBe('acme.order');
  });
});

describe('subscribing', () => {
  test('what it returns ends it, for names and for patterns, and twice is once', async () => {
    const heard: string[] = [];
    app = await testThrun();
    const { thrun, settle } = app;
    const off = thrun.subscribe(['order_created', 'order_*'], () => void heard.push('first'), { name: 'first' });
    thrun.subscribe('order_created', () => void heard.push('second'), { name: 'second' });
    await thrun.event('order_created');
    await settle();
    expect(heard.splice(0).sort()).toEqual(['first', 'second']);
    off();
    off();
    await thrun.event('order_created');
    await thrun.event('order_paid');
    await settle();
    expect(heard).toEqual(['second']);
    // Its name is free again.
    thrun.subscribe('other', () => undefined, { name: 'first' });
  });

  test('a pattern hears every event that matches, and no job', async () => {
    const heard: string[] = [];
    @ThrunJob('payment.create')
    class CreatePayment {
      constructor(readonly payload: unknown) {}
      handle({ event }: JobContext) {
        heard.push(`job ${event}`);
      }
    }
    app = await testThrun({ run: [CreatePayment] });
    const { thrun, settle } = app;
    for (const pattern of ['*', 'payment.*', '*.created', 'pay*.c*d'])
      thrun.subscribe(pattern, (_, { event }) => void heard.push(`${pattern} ${event}`));
    await thrun.event('payment.created');
    await thrun.event('payment.create');
    await thrun.event('payments.created');
    await settle();
    expect(heard.sort()).toEqual([
      '* payment.created',
      '* payments.created',
      '*.created payment.created',
      '*.created payments.created',
      'job payment.create',
      'pay*.c*d payment.created',
      'pay*.c*d payments.created',
      'payment.* payment.created',
    ]);
  });

  test('names that mean something to JavaScript are names like any other', async () => {
    const heard: string[] = [];
    app = await testThrun({ unhandled: 'dead' });
    const { thrun, settle, deadLetters } = app;
    thrun.subscribe('constructor', (_, { event }) => void heard.push(event), { name: '__proto__' });
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) await thrun.event(name);
    await settle();
    expect(heard).toEqual(['constructor']);
    expect((await deadLetters()).map(({ event }) => event)).toEqual(['toString', '__proto__', 'hasOwnProperty']);
  });
});

describe('what the config says holds for what is sent and for what is received', () => {
  test('limits', async () => {
    app = await testThrun({ limits: { payloadBytes: 2000, depth: 5, metaBytes: 1100 } });
    const { thrun, settle, deadLetters } = app;
    await expect(thrun.event('e', 'x'.repeat(2000))).rejects.toMatchObject({ code: 'THRUN_PAYLOAD' });
    await expect(thrun.event('e', [[[[[]]]]])).rejects.toMatchObject({ code: 'THRUN_PAYLOAD' });
    await expect(thrun.event('e', {}, { meta: { x: 'x'.repeat(1100) } })).rejects.toMatchObject({
      code: 'THRUN_ENVELOPE',
    });
    const foreign = [
      `{"event":"e","payload":"${'x'.repeat(2000)}"}`,
      '{"event":"e","payload":[[[[[]]]]]}',
      `{"event":"e","meta":{"x":"${'x'.repeat(1100)}"}}`,
    ];
    const transport = await thrun.transport();
    for (const body of foreign) await transport.publish('events', [{ body: Buffer.from(body), event: 'e' }]);
    await settle();
    expect((await deadLetters()).map(({ reason }) => reason)).toEqual([
      'payload_too_large',
      'too_deep',
      'meta_too_large',
    ]);
  });

  test('a logger of your own is told, and listeners are given it', async () => {
    const lines: unknown[] = [];
    const log = (level: string) => (details: object, message?: string) => void lines.push([level, message, details]);
    const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
    app = await testThrun({ logger, retry: { attempts: 1 } });
    const { thrun, settle } = app;
    thrun.subscribe(
      'e',
      (_, context) => {
        context.logger.info({ own: true }, 'from the listener');
        throw new Error('no');
      },
      { name: 'all' },
    );
    await thrun.event('e');
    await settle();
    expect(lines).toContainEqual(['info', 'from the listener', expect.objectContaining({ own: true })]);
    expect(lines).toContainEqual(['error', 'dead letter: attempts_exhausted', expect.objectContaining({ event: 'e' })]);
  });
});
