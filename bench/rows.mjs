const BOTH = ['normal', 'full'];

/** Rates: more is better. Times and CPU: less is. */
const RATE = { rate: { title: '', unit: '/s', better: 'more' } };

/**
 * What is measured, `on` one target or on all. `full` and `quick` are what the task is given, in a full run and in a quick one.
 * With `turns` the contenders' processes run at the same time, and measure one after another so many times in each round.
 */
export const ROWS = [
  {
    id: 'one-by-one',
    title: 'publish one by one',
    task: 'publishOneByOne',
    metrics: RATE,
    durabilities: BOTH,
    // A few hundred publishes are not yet compiled: whoever runs the most code of its own would be measured by that. And each
    // is a round trip of two processes, which takes half as long or twice by where the system has just put them.
    full: { warmUpMs: 2000, measureMs: 100, turns: 20 },
    quick: { warmUpMs: 1000, measureMs: 50, turns: 10 },
  },
  {
    id: 'in-flight',
    title: 'publish one by one, 100 in flight',
    task: 'publishInFlight',
    metrics: RATE,
    durabilities: BOTH,
    full: { warmUpMs: 300, measureMs: 1000 },
    quick: { warmUpMs: 100, measureMs: 300 },
  },
  {
    id: 'bulk',
    title: 'publish in bulk, chunks of 500',
    task: 'publishInBulk',
    metrics: RATE,
    durabilities: BOTH,
    full: { warmUpMs: 300, measureMs: 1000 },
    quick: { warmUpMs: 100, measureMs: 300 },
  },
  {
    id: 'drain-50k',
    on: 'redis',
    title: 'drain 50,000 no-op events, concurrency 100',
    task: 'drain',
    metrics: RATE,
    durabilities: BOTH,
    full: { count: 50_000, concurrency: 100, limitMs: 30_000 },
    quick: { count: 50_000, concurrency: 100, limitMs: 3000 },
  },
  {
    id: 'drain-100k',
    on: 'kafka',
    title: 'drain 100,000 no-op events, concurrency 100',
    task: 'drain',
    metrics: RATE,
    durabilities: BOTH,
    full: { count: 100_000, concurrency: 100, limitMs: 30_000 },
    quick: { count: 100_000, concurrency: 100, limitMs: 5000 },
  },
  {
    id: 'drain',
    on: ['sqlite', 'rabbitmq'],
    title: 'drain 20,000 no-op events, concurrency 100',
    task: 'drain',
    metrics: RATE,
    durabilities: BOTH,
    full: { count: 20_000, concurrency: 100, limitMs: 30_000 },
    quick: { count: 20_000, concurrency: 100, limitMs: 2000 },
  },
  {
    id: 'handlers',
    title: 'drain 5,000 events, 10 ms each, concurrency 100',
    task: 'drain',
    metrics: RATE,
    durabilities: ['normal'],
    full: { count: 5000, concurrency: 100, handlerMs: 10, limitMs: 30_000 },
    quick: { count: 5000, concurrency: 100, handlerMs: 10, limitMs: 2000 },
  },
  {
    id: 'latency',
    title: 'publish to handler in another process, 500/s',
    task: 'latency',
    metrics: {
      p50: { title: ', median', unit: ' ms', better: 'less' },
      p99: { title: ', p99', unit: ' ms', better: 'less' },
    },
    durabilities: BOTH,
    full: { perSecond: 500, seconds: 4, concurrency: 1 },
    quick: { perSecond: 500, seconds: 1, concurrency: 1 },
  },
  {
    id: 'idle',
    title: 'CPU of an idle worker',
    task: 'idle',
    metrics: { cpu: { title: '', unit: ' ms/s', better: 'less' } },
    durabilities: ['normal'],
    full: { seconds: 5, concurrency: 1 },
    quick: { seconds: 1, concurrency: 1 },
  },
];
