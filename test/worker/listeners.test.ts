import { afterEach, describe, expect, test } from 'vitest';
import { type EventContext, GiveUp, RetryLater, ThrunEvent, ThrunEventListener, ThrunJob } from '../../src/index.js';
import { gate } from '../support/gate.js';
import { type TestThrun, type TestThrunOptions, testThrun } from '../../src/testing/index.js';

let app: TestThrun;
afterEach(() => app.close());

async function start(options: TestThrunOptions = {}): Promise<TestThrun> {
  app = await testThrun(options);
  return app;
}

describe('listeners', () => {
  test('an event reaches every listener: by name, by pattern, by class', async () => {
    const heard: string[] = [];
    const { thrun, settle } = await start();
    thrun.subscribe('payment.done', () => void heard.push('name'), { name: 'by-name' });
    thrun.subscribe('payment.*', () => void heard.push('pattern'), { name: 'by-pattern' });
    thrun.subscribe('other', () => void heard.push('other'), { name: 'other' });
    await thrun.event('payment.done', {});
    await settle();
    expect(heard.sort()).toEqual(['name', 'pattern']);
  });

  test('named twice it hears once; two handlers of a job, or two listeners of a name, are refused', async () => {
    let heard = 0;
    const { thrun, settle } = await start();
    thrun.subscribe(['e', 'e', '*'], () => void heard++, { name: 'twice' });
    await thrun.event('e');
    await settle();
    expect(heard).toBe(1);
    expect(() => thrun.subscribe('x', () => undefined, { name: 'twice' })).toThrow(/Two listeners are called twice/);
    @ThrunJob('pay', { name: 'first' })
    class First {
      constructor(readonly payload: object) {}
      async handle() {}
    }
    @ThrunJob('pay', { name: 'second' })
    class Second {
      constructor(readonly payload: object) {}
      async handle() {}
    }
    thrun.subscribe(First);
    expect(() => thrun.subscribe(Second)).toThrow(/The job pay has two handlers, First and Second/);
  });

  test('a class event arrives as an instance, and a foreign key never takes the place of code', async () => {
    class Paid {
      constructor(readonly amount: number) {}
      twice() {
        return this.amount * 2;
      }
    }
    let twice = 0;
    const { thrun, settle } = await start();
    thrun.subscribe(Paid, (event) => {
      expect(event).toBeInstanceOf(Paid);
      twice = event.twice();
    });
    await thrun.event('paid', JSON.parse('{"amount":21,"twice":"no","__proto__":{"polluted":true}}'));
    await settle();
    expect(twice).toBe(42);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('a decorated job is made from its payload and run', async () => {
    const ran: unknown[] = [];
    @ThrunJob('create_payment')
    class CreatePayment {
      constructor(readonly payload: { orderId: number }) {}
      async handle(context: EventContext) {
        ran.push([this.payload.orderId, context.event, context.attempt]);
      }
    }
    const { thrun, settle } = await start({ run: [CreatePayment] });
    await thrun.event(new CreatePayment({ orderId: 7 }));
    await settle();
    expect(ran).toEqual([[7, 'create_payment', 1]]);
  });

  test('a retry runs only the listener that failed', async () => {
    const runs: string[] = [];
    const { thrun, settle, advance } = await start();
    thrun.subscribe('e', () => void runs.push('good'), { name: 'good' });
    thrun.subscribe(
      'e',
      (_, { attempt }) => {
        runs.push(`bad ${attempt}`);
        if (attempt < 3) throw new Error('not yet');
      },
      { name: 'bad', retry: { attempts: 3, delay: '1s', backoff: 'exponential', jitter: 0 } },
    );
    await thrun.event('e');
    await settle();
    expect(runs.sort()).toEqual(['bad 1', 'good']);
    await advance(999);
    expect(runs).toHaveLength(2);
    await advance(1);
    expect(runs).toContain('bad 2');
    await advance(2000);
    expect(runs).toContain('bad 3');
    expect(runs.filter((run) => run === 'good')).toHaveLength(1);
    expect(await app.deadLetters()).toEqual([]);
  });

  test('out of attempts is a dead letter with its error, and can be retried by hand', async () => {
    let broken = true;
    const { thrun, settle, deadLetters } = await start();
    thrun.subscribe(
      'e',
      () => {
        if (broken) throw new Error('the card is closed');
      },
      { name: 'charge', retry: { attempts: 1 } },
    );
    const id = await thrun.event('e', { n: 1 });
    await settle();
    const [letter] = await deadLetters();
    expect(letter).toMatchObject({
      reason: 'attempts_exhausted',
      target: 'charge',
      event: 'e',
      eventId: id,
      attempts: 1,
    });
    expect(letter?.error).toContain('the card is closed');
    broken = false;
    const { deadLetters: access } = await thrun.transport();
    expect(await access?.retry([letter?.id ?? ''])).toBe(1);
    await settle();
    expect(await deadLetters()).toEqual([]);
  });

  test('RetryLater uses up no attempt; GiveUp is dead at once', async () => {
    const attempts: number[] = [];
    const { thrun, settle, advance, deadLetters } = await start();
    thrun.subscribe(
      'e',
      (_, { attempt }) => {
        attempts.push(attempt);
        if (attempts.length < 4) throw new RetryLater('10m');
        throw new GiveUp('no such order in redis://u:hunter2@h');
      },
      { name: 'later', retry: { attempts: 1 } },
    );
    await thrun.event('e');
    await settle();
    for (let i = 0; i < 3; i++) await advance(600_000);
    expect(attempts).toEqual([1, 1, 1, 1]);
    const error = 'no such order in redis://u:***@h';
    expect(await deadLetters()).toMatchObject([{ reason: 'gave_up', error }]);
  });

  test.each<[unknown[], string]>([
    [['a b', () => 1], 'A function cannot listen: "a b" is not a contract name or pattern: 1 to 255 bytes'],
    [['e', 5], '5 is neither a function nor a class with a method handle()'],
    [['e', () => 1, { retries: 3 }], 'retries: unknown key; known are name, retry'],
    [['e', () => 1, { retry: { attempts: 0 } }], 'retry.attempts: expected a whole number from 1 to 1000, got 0'],
    [
      [
        'e',
        class Deaf {
          hear() {}
        },
      ],
      'Deaf cannot listen: it has no method handle()',
    ],
    [[[], () => 1], 'it listens to nothing; name an event'],
  ])('what cannot be subscribed says why: %o', async (args, why) => {
    const { thrun } = await start();
    const subscribe = thrun.subscribe.bind(thrun) as (...all: unknown[]) => void;
    expect(() => subscribe(...args)).toThrow(
      expect.objectContaining({ code: 'THRUN_LISTENER', message: expect.stringContaining(why) }),
    );
  });

  test('what a decorator recorded wrongly is refused before it runs', async () => {
    @ThrunEventListener('e', { retries: 3 } as never)
    class Wrong {
      handle() {}
    }
    const { thrun } = await start();
    expect(() => thrun.subscribe(Wrong)).toThrow('Wrong cannot listen: retries: unknown key; known are name, retry');
  });

  test('handle may be a field of the class', async () => {
    const heard: unknown[] = [];
    class Field {
      handle = (payload: unknown) => void heard.push(payload);
    }
    const { thrun, settle } = await start();
    thrun.subscribe('e', Field);
    await thrun.event('e', 7);
    await settle();
    expect(heard).toEqual([7]);
  });

  test('a wish of another copy of this package is heard: a global CLI runs listeners that import their own', async () => {
    const copy: string = '../../src/contracts/listener.js?copy';
    const other = (await import(copy)) as { GiveUp: typeof GiveUp; RetryLater: typeof RetryLater };
    expect(other.GiveUp).not.toBe(GiveUp);
    const attempts: number[] = [];
    const { thrun, settle, advance, deadLetters } = await start();
    thrun.subscribe('e', function stranger(_, { attempt }) {
      attempts.push(attempt);
      throw attempts.length < 2 ? new other.RetryLater('10m') : new other.GiveUp('no such order');
    });
    await thrun.event('e');
    await settle();
    expect(attempts).toEqual([1]);
    await advance(600_000);
    expect(attempts).toEqual([1, 1]);
    expect(await deadLetters()).toMatchObject([{ reason: 'gave_up', error: 'no such order' }]);
  });

  test('a listener with a queue of its own runs from there, alone', async () => {
    const queues: string[] = [];
    const { thrun, settle } = await start();
    thrun.subscribe('user_created', () => void queues.push('here'), { name: 'here' });
    thrun.subscribe('user_created', () => void queues.push('mail'), { name: 'mailer', queue: 'mail' });
    await thrun.event('user_created');
    await settle();
    expect(queues.sort()).toEqual(['here', 'mail']);
  });

  test('a payload that fails the schema is dead with its path, never retried', async () => {
    const { z } = await import('zod');
    let ran = 0;
    const { thrun, settle, deadLetters } = await start();
    const schema = z.object({ items: z.array(z.object({ sku: z.string() })) });
    thrun.subscribe('order', () => void ran++, { name: 'order', schema: schema as never });
    await thrun.event('order', { items: [{ sku: 1 }] });
    await settle();
    expect(ran).toBe(0);
    const [letter] = await deadLetters();
    expect(letter).toMatchObject({ reason: 'schema', attempts: 1 });
    expect(letter?.error).toContain('payload.items.0.sku');
  });

  test('a timeout raises the AbortSignal and counts as a failure', async () => {
    let aborted: unknown;
    const { thrun, settle, clock, deadLetters } = await start();
    const hanging = gate();
    thrun.subscribe(
      'slow',
      (_, { signal }) => {
        signal.addEventListener('abort', () => {
          aborted = signal.reason;
        });
        hanging.open();
        return new Promise(() => undefined);
      },
      { name: 'slow', timeout: '30s', retry: { attempts: 1 } },
    );
    await thrun.event('slow');
    const settled = settle();
    await hanging.opened;
    await clock.advance(30_000);
    await settled;
    expect(String(aborted)).toContain('did not finish within 30000 ms');
    expect(await deadLetters()).toMatchObject([{ reason: 'attempts_exhausted' }]);
  });

  test('concurrency of one listener holds, and does not hold back the others', async () => {
    let running = 0;
    let most = 0;
    const gates: (() => void)[] = [];
    let others = 0;
    const { thrun, settle } = await start({ worker: { concurrency: 10, prefetch: 40 } });
    thrun.subscribe(
      'narrow',
      async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => gates.push(resolve));
        running--;
      },
      { name: 'narrow', concurrency: 2 },
    );
    const allOthers = gate();
    thrun.subscribe('wide', () => void (++others === 5 && allOthers.open()), { name: 'wide' });
    for (let i = 0; i < 8; i++) await thrun.event('narrow');
    for (let i = 0; i < 5; i++) await thrun.event('wide');
    const settled = settle();
    await allOthers.opened;
    let done = false;
    void settled.then(() => {
      done = true;
    });
    while (!done) {
      gates.shift()?.();
      await new Promise(setImmediate);
    }
    expect(most).toBe(2);
  });

  test('middleware goes around the listener', async () => {
    const steps: string[] = [];
    const { thrun, settle } = await start({
      middleware: [
        async (call, next) => {
          steps.push(`outer ${call.listener}`);
          await next();
          steps.push('outer end');
        },
        (_, next) => {
          steps.push('inner');
          return next();
        },
      ],
    });
    thrun.subscribe('e', () => void steps.push('listener'), { name: 'l' });
    await thrun.event('e');
    await settle();
    expect(steps).toEqual(['outer l', 'inner', 'listener', 'outer end']);
  });

  test('what a listener publishes carries correlation, causation and trace on', async () => {
    let seen: Record<string, unknown> = {};
    const { thrun, settle } = await start();
    thrun.subscribe('first', (_, context) => context.publish('second', {}), { name: 'first' });
    thrun.subscribe('second', (_, { meta }) => void (seen = meta), { name: 'second' });
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const id = await thrun.event('first', {}, { meta: { traceparent: trace } });
    await settle();
    expect(seen).toMatchObject({ correlation_id: id, causation_id: id, traceparent: trace });
  });

  test('a decorated class listens to the event class it names', async () => {
    const welcomed: number[] = [];
    @ThrunEvent('user_created')
    class UserCreated {
      constructor(readonly userId: number) {}
    }
    @ThrunEventListener(UserCreated)
    class Welcome {
      handle(event: UserCreated) {
        welcomed.push(event.userId);
      }
    }
    const { thrun, settle } = await start({ run: [Welcome] });
    await thrun.event(new UserCreated(1));
    await thrun.event(UserCreated, { userId: 2 });
    await settle();
    expect(welcomed.sort()).toEqual([1, 2]);
  });
});
