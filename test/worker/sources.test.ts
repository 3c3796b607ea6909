import { afterEach, describe, expect, test, vi } from 'vitest';
import { createThrun, type Observation, type Thrun, type ThrunConfig } from '../../src/index.js';
import type { Consumer } from '../../src/contracts/transport.js';
import { gate } from '../support/gate.js';
import { OtherMemory } from '../support/other-memory.js';
import { until } from '../transports/receiving.js';

let thrun: Thrun;
afterEach(() => thrun.close());

async function start(config: ThrunConfig): Promise<Thrun> {
  thrun = await createThrun({ group: 'shop', logLevel: 'silent', ...config });
  return thrun;
}

describe('a worker of several transports', () => {
  test('receives from each; what arrived on one is retried and dies there', async () => {
    const [here, there] = [new OtherMemory('here'), new OtherMemory('there')];
    await start({
      transport: here,
      routes: [{ match: 'far.*', transport: there, queue: 'far' }],
      retry: { attempts: 2, delay: 0, jitter: 0 },
    });
    const heard: string[] = [];
    thrun.subscribe(['near', 'far.order'], (_, { event, attempt }) => void heard.push(`${event} ${attempt}`), {
      name: 'hears',
    });
    thrun.subscribe('far.order', () => Promise.reject(new Error('no')), { name: 'fails' });
    await thrun.work();
    await thrun.event('near');
    await thrun.event('far.order');
    await until(async () => expect(await there.deadLetters.count({})).toBe(1));
    expect(heard.sort()).toEqual(['far.order 1', 'near 1']);
    expect(await there.deadLetters.list({}, 9)).toMatchObject([{ target: 'fails', queue: 'far', attempts: 2 }]);
    expect(await here.deadLetters.count({})).toBe(0);
  });

  test('judges each delivery by the traits of the transport it arrived on', async () => {
    const shared = new OtherMemory('shared');
    const only = new OtherMemory('only', { fanOut: false });
    await start({ transport: shared, routes: [{ match: 'x', transport: only, consume: true }] });
    thrun.subscribe('heard', () => undefined, { name: 'l' });
    const observations: Observation[] = [];
    thrun.observe((observation) => observations.push(observation));
    await thrun.work();
    await thrun.event('nobody', {}, { transport: 'shared' });
    await thrun.event('nobody', {}, { transport: 'only' });
    await until(async () => expect(await only.deadLetters.count({})).toBe(1));
    await shared.settle();
    expect(await only.deadLetters.list({}, 9)).toMatchObject([{ reason: 'no_listener' }]);
    expect(await shared.deadLetters.count({})).toBe(0);
    expect(observations.filter(({ kind }) => kind === 'unhandled')).toHaveLength(1);
  });

  test('hands a listener’s share over on the transport it arrived on, and takes it there', async () => {
    const [here, there] = [new OtherMemory('here'), new OtherMemory('there')];
    await start({ transport: here, routes: [{ match: 'far', transport: there }] });
    const heard = gate<string>();
    thrun.subscribe('far', (_, { event }) => heard.open(event), { name: 'mailer', queue: 'mail' });
    await thrun.work();
    expect(thrun.addresses()).toContainEqual({ transport: 'there', queue: 'mail' });
    await thrun.event('far');
    expect(await heard.opened).toBe('far');
    await there.settle();
    expect(await there.queues.stats()).toMatchObject([
      { queue: 'events', depth: 0 },
      { queue: 'mail', depth: 0 },
    ]);
  });
});

/** Cannot be reached until it is told to. */
class Away extends OtherMemory {
  reachable = false;
  override async open(): Promise<void> {
    if (!this.reachable) throw new Error('nobody answers');
  }
}

/** Never answers. */
class Deaf extends OtherMemory {
  override async consume(): Promise<Consumer> {
    const stopped = gate<readonly never[]>();
    return {
      next: (_max, { signal } = {}) => {
        signal?.addEventListener('abort', () => stopped.open([]));
        return stopped.opened;
      },
      flush: async () => undefined,
      close: async () => undefined,
    };
  }
}

describe('a transport that is broken', () => {
  test('at the start it keeps nobody from consuming the others, and is consumed when it is there', async () => {
    const [here, away] = [new OtherMemory('here'), new Away('away')];
    await start({ transport: here, routes: [{ match: 'far', transport: away }] });
    const near = gate();
    const far = gate();
    thrun.subscribe('near', () => near.open(), { name: 'near' });
    thrun.subscribe('far', () => far.open(), { name: 'far' });
    const notices: string[] = [];
    thrun.observe((seen) => seen.kind === 'transport' && notices.push(`${seen.transport} ${seen.notice.kind}`));
    const worker = await thrun.work();
    await thrun.event('near');
    await near.opened;
    await here.settle();
    expect(worker.activity).toMatchObject({ empty: false, awayFrom: 'away', awayMs: expect.any(Number) });
    away.reachable = true;
    await thrun.event('far');
    await far.opened;
    expect(notices).toEqual(['away disconnected', 'away reconnected']);
  });

  test('that is the only one, or one of others that are all away, the worker does not start', async () => {
    await start({ transport: new Away('a'), routes: [{ match: 'x', transport: new Away('b'), consume: true }] });
    await expect(thrun.work()).rejects.toThrow('nobody answers');
  });

  test('a worker that stops does not wait for it', async () => {
    const away = new Away('away');
    await start({ transport: new OtherMemory('here'), routes: [{ match: 'x', transport: away, consume: true }] });
    const worker = await thrun.work();
    await worker.stop();
    away.reachable = true;
    expect(worker.transports.map(({ name }) => name)).toEqual(['here']);
  });

  test('one that says it is lost is silent, but no reason for another process; one that says nothing is', async () => {
    const [here, deaf] = [new OtherMemory('here'), new Deaf('deaf')];
    await start({ transport: here, routes: [{ match: 'x', transport: deaf, consume: true }] });
    const consumed = vi.spyOn(deaf, 'consume');
    // The one that is well is heard of far more often than the other is missed.
    const worker = await thrun.work({ attentive: true });
    await until(() => {
      expect(worker.activity.silentMs).toBeGreaterThan(300);
      expect(worker.activity.silentOn).toBe('deaf');
    });
    const [options] = consumed.mock.calls[0] as unknown as Parameters<OtherMemory['consume']>;
    options.onNotice({ kind: 'disconnected', error: new Error('gone') });
    expect(worker.activity.silentOn).not.toBe('deaf');
    await until(() => expect(worker.activity.awayMs).toBeGreaterThan(0));
    expect(worker.activity.awayFrom).toBe('deaf');
    const from = performance.now();
    options.onNotice({ kind: 'reconnected' });
    // Counted from now on, not from the start.
    await until(() => expect(worker.activity).toMatchObject({ silentOn: 'deaf', awayMs: 0, awayFrom: undefined }));
    expect(worker.activity.silentMs).toBeLessThanOrEqual(performance.now() - from);
  });
});
