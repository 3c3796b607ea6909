// One contender, one row: makes batches, runs them, and tells how many it did a second.
import { load } from '../contenders/build.mjs';

const { contender, row, url, folder, dist } = JSON.parse(process.argv[2]);
const LOADERS = {
  'thrun, Redis': async () => (await import('./thrun.mjs')).thrun(await load(dist), 'redis'),
  'thrun, SQLite': async () => (await import('./thrun.mjs')).thrun(await load(dist), 'sqlite'),
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
