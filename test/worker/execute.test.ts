import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/contracts/clock.js';
import type { Delivery, Successor } from '../../src/contracts/delivery.js';
import { DEFAULT_LIMITS } from '../../src/envelope/index.js';
import type { Observation } from '../../src/observability/observation.js';
import { DEFAULT_RETRY, makeListener } from '../../src/registry/listener.js';
import { Registry } from '../../src/registry/registry.js';
import { type ExecuteParts, execute } from '../../src/worker/execute.js';
import { ListenerRunner } from '../../src/worker/run-listener.js';
import { Slots } from '../../src/worker/slots.js';

type Settled = 'ack' | 'release' | readonly Successor[] | undefined;

const NOBODY_IN_PARTICULAR: string | undefined = undefined;

class FakeDelivery implements Delivery {
  readonly id = 'm:1';
  readonly queue = 'events';
  readonly publishedAt = 0;
  settled: Settled;
  constructor(
    readonly body: Uint8Array,
    readonly attempt = 1,
    readonly crashes = 0,
    readonly target: string | undefined = NOBODY_IN_PARTICULAR,
  ) {}
  begun = 0;
  async begin() {
    this.begun++;
  }
  async ack() {
    this.settled = 'ack';
  }
  async release() {
    this.settled = 'release';
  }
  async handOver(successors: readonly Successor[]) {
    this.settled = successors;
  }
}

const body = new TextEncoder().encode('{"event":"poison"}');

function parts(over: Partial<ExecuteParts> = {}): ExecuteParts & { ran: string[]; seen: Observation[]; slots: Slots } {
  const registry = new Registry();
  const ran: string[] = [];
  const seen: Observation[] = [];
  const slots = new Slots(10);
  const listener = (name: string, handle: () => unknown, queue?: string) =>
    registry.add(
      makeListener(
        { name, kind: 'event', contracts: ['poison'], origin: name, handle },
        { retry: { attempts: 2, jitter: 0, delay: 100 }, ...(queue && { queue }) },
        DEFAULT_RETRY,
      ),
    );
  listener('good', () => void ran.push('good'));
  listener('bad', () => {
    ran.push('bad');
    throw new Error('no');
  });
  listener('mailer', () => void ran.push('mailer'), 'mail');
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const observe = (observation: Observation) => void seen.push(observation);
  const runner = new ListenerRunner({
    slots,
    middleware: [],
    logger,
    publishFrom: async () => '',
    observe,
    random: () => 0.5,
    clock: systemClock,
    blockedAfterMs: 1000,
    jobs: undefined,
  });
  return {
    transport: { name: 'fake', traits: { fanOut: false } as never },
    registry,
    runner,
    clock: systemClock,
    limits: DEFAULT_LIMITS,
    observe,
    maxCrashes: 3,
    unhandled: 'auto',
    runs: () => true,
    jobs: undefined,
    group: 'shop',
    ...over,
    ran,
    seen,
    slots,
  };
}

describe('one delivery', () => {
  test('each listener has its own fate: done, retried, handed to its queue', async () => {
    const delivery = new FakeDelivery(body);
    await execute(delivery, parts());
    expect(delivery.settled).toEqual([
      { kind: 'postponed', target: 'bad', delayMs: 100, attempts: 1, crashes: 0 },
      { kind: 'postponed', target: 'mailer', queue: 'mail', delayMs: 0, attempts: 0, crashes: 0 },
    ]);
  });

  test('a retry is for its target alone', async () => {
    const all = parts();
    const delivery = new FakeDelivery(body, 2, 0, 'bad');
    await execute(delivery, all);
    expect(all.ran).toEqual(['bad']);
    expect(delivery.settled).toMatchObject([
      { kind: 'dead', target: 'bad', reason: 'attempts_exhausted', attempts: 2 },
    ]);
  });

  test('addressed to a listener from the first, it still goes to the queue that one runs from', async () => {
    const [replayed, retried] = [new FakeDelivery(body, 1, 0, 'mailer'), new FakeDelivery(body, 2, 0, 'mailer')];
    const all = parts();
    await execute(replayed, all);
    expect(replayed.settled).toMatchObject([{ kind: 'postponed', target: 'mailer', queue: 'mail', attempts: 0 }]);
    expect(all.ran).toEqual([]);
    await execute(retried, all);
    expect([retried.settled, all.ran]).toEqual(['ack', ['mailer']]);
  });

  test('crashes are no failures: what a dying worker held is tried again', async () => {
    const delivery = new FakeDelivery(body, 3, 2, 'bad');
    await execute(delivery, parts());
    expect(delivery.settled).toMatchObject([{ kind: 'postponed', attempts: 3, crashes: 2 }]);
  });

  test('what takes down its workers too often is dead before it is run again', async () => {
    const all = parts();
    const delivery = new FakeDelivery(body, 3, 3);
    await execute(delivery, all);
    expect(all.ran).toEqual([]);
    expect(delivery.settled).toMatchObject([{ kind: 'dead', reason: 'crashed_worker', event: 'poison' }]);
  });

  test('a suspect runs with nobody beside it', async () => {
    const all = parts();
    await all.slots.acquire();
    const delivery = new FakeDelivery(body, 3, 2, 'good');
    const done = execute(delivery, all);
    await new Promise(setImmediate);
    expect(all.ran).toEqual([]);
    all.slots.release();
    await done;
    expect(all.ran).toEqual(['good']);
    expect(delivery.begun).toBe(1);
    expect(delivery.settled).toBe('ack');
  });

  test('a suspect whose crash cannot be counted is handed back, and its slot with it', async () => {
    const all = parts();
    const delivery = new FakeDelivery(body, 3, 2, 'good');
    delivery.begin = () => Promise.reject(new Error('the transport is closed'));
    await execute(delivery, all);
    expect(all.ran).toEqual([]);
    expect(delivery.settled).toBe('release');
    expect(all.slots.running).toBe(0);
  });

  test('a listener that is gone is named', async () => {
    const delivery = new FakeDelivery(body, 2, 0, 'renamed');
    await execute(delivery, parts());
    expect(delivery.settled).toMatchObject([{ kind: 'dead', reason: 'no_listener', target: 'renamed' }]);
  });

  test('nobody listens and it was the only copy: dead; a batch that tells its life: acked', async () => {
    const lost = new FakeDelivery(new TextEncoder().encode('{"event":"unknown"}'));
    await execute(lost, parts());
    expect(lost.settled).toMatchObject([{ kind: 'dead', reason: 'no_listener', event: 'unknown' }]);
    const acked = new FakeDelivery(new TextEncoder().encode('{"event":"unknown"}'));
    await execute(acked, parts({ transport: { name: 'fake', traits: { fanOut: true } as never } }));
    expect(acked.settled).toBe('ack');
  });

  test('stopped before anything began: handed back untouched', async () => {
    const all = parts();
    all.runner.stop();
    const delivery = new FakeDelivery(body, 1, 0, 'good');
    await execute(delivery, all);
    expect(delivery.settled).toBe('release');
    expect(all.ran).toEqual([]);
  });

  test('listeners this worker does not run are left to others, and use up no attempt', async () => {
    const delivery = new FakeDelivery(body, 1, 0, 'good');
    await execute(delivery, parts({ runs: () => false }));
    expect(delivery.settled).toEqual([{ kind: 'postponed', target: 'good', delayMs: 1000, attempts: 0, crashes: 0 }]);
  });

  test('anything can be thrown', async () => {
    const thrown: unknown[] = [
      undefined,
      null,
      'text',
      7,
      Symbol('s'),
      {
        get message() {
          throw new Error('trap');
        },
      },
      circular(),
    ];
    for (const what of thrown) {
      const all = parts();
      all.registry.add(
        makeListener(
          {
            name: 'odd',
            kind: 'event',
            contracts: ['odd'],
            origin: 'odd',
            handle: () => {
              throw what;
            },
          },
          { retry: { attempts: 1 } },
          DEFAULT_RETRY,
        ),
      );
      const delivery = new FakeDelivery(new TextEncoder().encode('{"event":"odd"}'));
      await execute(delivery, all);
      expect(delivery.settled).toMatchObject([
        { kind: 'dead', reason: 'attempts_exhausted', error: expect.any(String) },
      ]);
    }
  });
});

function circular(): object {
  const self: { self?: object } = {};
  self.self = self;
  return self;
}
