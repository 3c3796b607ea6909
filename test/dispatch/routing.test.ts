import { afterEach, describe, expect, test } from 'vitest';
import { ThrunJob } from '../../src/index.js';
import { type TestThrun, type TestThrunOptions, testThrun } from '../../src/testing/index.js';
import { OtherMemory } from '../support/other-memory.js';
import { until } from '../transports/receiving.js';

let app: TestThrun;
afterEach(() => app.close());

const other = () => new OtherMemory('other');

async function start(options: TestThrunOptions) {
  app = await testThrun(options);
  return app;
}

/** What waits on the config's own transport, as queue: events. */
async function waiting(): Promise<Record<string, number>> {
  const stats = (await (await app.thrun.transport()).queues?.stats()) ?? [];
  return Object.fromEntries(stats.map(({ queue, depth }) => [queue, depth]));
}

const eventsIn = (transport: OtherMemory, queue: string) =>
  transport.waiting(queue).map((text) => (JSON.parse(text) as { event: string }).event);

describe('where an event goes', () => {
  test('what a route matches to its transport and queue, all else where it went before', async () => {
    const there = other();
    const { thrun } = await start({ routes: [{ match: 'payment.*', transport: there, queue: 'payments' }] });
    await thrun.event('payment.done');
    await thrun.events([{ event: 'payment.failed' }, { event: 'order' }]);
    expect(eventsIn(there, 'payments')).toEqual(['payment.done', 'payment.failed']);
    expect(await waiting()).toEqual({ events: 1 });
  });

  test('what the publisher says goes before the route, field by field', async () => {
    const there = other();
    const { thrun } = await start({ routes: [{ match: '*', transport: there, queue: 'routed' }] });
    await thrun.event('a', {}, { queue: 'mine' });
    await thrun.event('b', {}, { transport: 'memory' });
    expect(eventsIn(there, 'mine')).toEqual(['a']);
    expect(await waiting()).toEqual({ routed: 1 });
  });

  test('a route goes before the queue of a job’s handler, and leaves it where it names none', async () => {
    @ThrunJob('routed_job', { queue: 'jobs' })
    class Routed {
      constructor(readonly payload: object) {}
      async handle() {}
    }
    const there = other();
    const { thrun } = await start({ routes: [{ match: 'routed_*', transport: there }] });
    await thrun.event(new Routed({}));
    expect(eventsIn(there, 'jobs')).toEqual(['routed_job']);
    await app.close();
    const second = await start({ routes: [{ match: 'routed_*', queue: 'elsewhere' }] });
    await second.thrun.event(new Routed({}));
    expect(await waiting()).toEqual({ elsewhere: 1 });
  });

  test('what a listener publishes is routed as well', async () => {
    const there = other();
    const { thrun, settle } = await start({ routes: [{ match: 'second', transport: there }] });
    thrun.subscribe('first', (_, context) => context.publish('second'), { name: 'first' });
    // A route that nobody here names a contract of is not consumed.
    thrun.subscribe('*', () => undefined, { name: 'all' });
    await thrun.event('first');
    await settle();
    expect(eventsIn(there, 'events')).toEqual(['second']);
  });

  test('the format is that of the route, unless the publisher says another', async () => {
    const there = other();
    const { thrun } = await start({ routes: [{ match: '*', transport: there, format: 'cloudevents' }] });
    await thrun.event('a', { n: 1 });
    await thrun.event('b', { n: 1 }, { format: 'envelope' });
    const [first, second] = there.waiting('events').map((text) => JSON.parse(text) as object);
    expect(first).toMatchObject({ specversion: '1.0', type: 'a', data: { n: 1 } });
    expect(second).toMatchObject({ event: 'b', payload: { n: 1 } });
  });

  test('jobs of a batch and its lifecycle events are routed; a job keeps the queue it was given', async () => {
    const there = other();
    const { thrun } = await start({
      routes: [
        { match: 'go_*', transport: there, queue: 'go', format: 'cloudevents' },
        { match: 'report.*', transport: there, queue: 'reports' },
      ],
    });
    await thrun
      .batch([[{ event: 'go_resize' }, { event: 'go_mail', queue: 'mail' }]])
      .finally('report.finished')
      .progress('report.progress');
    await thrun.batchesIdle();
    const [job] = there.waiting('go').map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(job).toMatchObject({ specversion: '1.0', type: 'go_resize', batchid: expect.any(String) });
    expect(there.waiting('mail')).toHaveLength(1);
    const { batchid, jobid } = job as { batchid: string; jobid: string };
    const mail = JSON.parse(there.waiting('mail')[0] ?? '') as { jobid: string };
    // As workers in other languages tell of it.
    await thrun.event('thrun.job.succeeded', { batch_id: batchid, job_id: jobid });
    await thrun.event('thrun.job.succeeded', { batch_id: batchid, job_id: mail.jobid });
    await app.settle();
    expect(eventsIn(there, 'reports')).toEqual(['report.progress', 'report.progress', 'report.finished']);
  });
});

test('a batch of two transports: what one has taken is not sent again because the other is away', async () => {
  const [here, away] = [new OtherMemory('here'), new OtherMemory('away')];
  let outages = 2;
  const publish = away.publish.bind(away);
  away.publish = async (queue, messages) => {
    if (outages-- > 0) throw new Error('nobody answers');
    await publish(queue, messages);
  };
  const routes = [
    { match: 'near', transport: here },
    { match: 'far', transport: away },
  ];
  const { thrun, clock } = await start({ routes });
  const sent = thrun.batch([[{ event: 'near' }, { event: 'far' }]]).dispatch();
  await until(async () => {
    await clock.advance(5000);
    expect(eventsIn(away, 'events')).toEqual(['far']);
  });
  await sent;
  expect(outages).toBe(-1);
  expect(eventsIn(here, 'events')).toEqual(['near']);
});
