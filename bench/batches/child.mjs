// One contender, one row: makes batches, runs them, and tells how many it did a second.
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

const { contender, row, url, folder, dist } = JSON.parse(process.argv[2]);
const at = (file) => pathToFileURL(resolve(dist, file)).href;
const LOADERS = {
  'thrun, Redis': async () => (await import('./thrun.mjs')).thrun(await import(at('index.js')), 'redis'),
  'thrun, SQLite': async () => (await import('./thrun.mjs')).thrun(await import(at('index.js')), 'sqlite'),
  BullMQ: async () => (await import('./bullmq.mjs')).bullmq,
};

const queue = await (await LOADERS[contender]()).open({ url, folder });
await run(row.warmUp);
const start = performance.now();
const before = process.cpuUsage();
await run(row.batches);
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - start) / 1000;
const jobs = row.batches * row.jobs;
await queue.close();
process.send({ result: { rate: (row.perJob ? jobs : row.batches) / seconds, cpu: (user + system) / jobs } }, () =>
  process.exit(0),
);

/** So many batches, a few being made at a time, from the first call to the end of the last. */
async function run(batches) {
  let left = batches;
  let made = 0;
  const finished = new Promise((resolve) => queue.onDone(() => --left === 0 && resolve()));
  const make = async () => {
    while (made < batches) {
      made++;
      await queue[row.mode](row.jobs);
    }
  };
  await Promise.all(Array.from({ length: row.inFlight }, make));
  await finished;
}
