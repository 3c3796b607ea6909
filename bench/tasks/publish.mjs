import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { order } from '../payload.mjs';

const IN_FLIGHT = 100;
const CHUNK = 500;

/** Events a second, each awaited before the next, in turns: the first thing it gives says that it is warm. */
export async function* publishOneByOne(contender, { warmUpMs, measureMs, ...where }) {
  const queue = await openWarm(contender, where);
  let published = 0;
  const measure = (warmUp, ms) =>
    ratePerSecond(warmUp, ms, async () => {
      await queue.publish(order(published++));
      return 1;
    });
  try {
    await measure(warmUpMs, 0);
    yield {};
    for (;;) yield { rate: await measure(0, measureMs) };
  } finally {
    await queue.close();
  }
}

/** Events a second with a hundred publishers in one process, each of which awaits its own. */
export async function publishInFlight(contender, { warmUpMs, measureMs, ...where }) {
  const queue = await openWarm(contender, where);
  const publish = queue.publishTogether ?? queue.publish;
  const publishers = Array.from({ length: IN_FLIGHT }, () =>
    ratePerSecond(warmUpMs, measureMs, async (n) => {
      await publish(order(n));
      return 1;
    }),
  );
  const rates = await Promise.all(publishers);
  await queue.close();
  return { rate: rates.reduce((sum, rate) => sum + rate) };
}

/** Events a second in chunks of 500. */
export async function publishInBulk(contender, { warmUpMs, measureMs, ...where }) {
  const queue = await openWarm(contender, where);
  const rate = await ratePerSecond(warmUpMs, measureMs, async (n) => {
    await queue.publishMany(orders(CHUNK, n));
    return CHUNK;
  });
  await queue.close();
  return { rate };
}

/** Leaves a backlog behind. Not timed. */
export async function fill(contender, { count, ...where }) {
  const queue = await contender.open({ ...where, durability: 'normal', role: 'publisher', concurrency: 1 });
  for (let n = 0; n < count; n += CHUNK) await queue.publishMany(orders(Math.min(CHUNK, count - n), n));
  await queue.close();
}

/** Publishes evenly, each event with the time it was handed over. Times are monotonic, and the same in every process. */
export async function publishAtRate(contender, { perSecond, seconds, ...where }) {
  const queue = await open(contender, where);
  const start = monotonicMs();
  const pending = [];
  for (let n = 0; n < perSecond * seconds; ) {
    const due = ((monotonicMs() - start) * perSecond) / 1000;
    for (; n < due && n < perSecond * seconds; n++)
      pending.push(queue.publish({ ...order(n), sent_at: monotonicMs() }));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  await queue.close();
}

export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

function open(contender, where) {
  return contender.open({ ...where, role: 'publisher', concurrency: 1 });
}

/**
 * While the write-ahead log grows each fsync costs several times what it costs later, when the log is written over from
 * its start: after the first checkpoint, at 4 MB. Whoever writes more pages for an event would get there sooner and look
 * better, so everyone starts from there.
 */
async function openWarm(contender, where) {
  const queue = await open(contender, where);
  if (where.on !== 'sqlite') return queue;
  for (let n = 0; logBytes(where.folder) < 4_000_000; n += CHUNK) await queue.publishMany(orders(CHUNK, n));
  await queue.publishMany(orders(CHUNK, 0));
  return queue;
}

function logBytes(folder) {
  const log = readdirSync(folder).find((file) => file.endsWith('-wal'));
  return log === undefined ? 0 : statSync(join(folder, log)).size;
}

function orders(count, from) {
  return Array.from({ length: count }, (_, n) => order(from + n));
}

/** Repeats `step`, which says how many events it did, and counts after the warm-up. */
async function ratePerSecond(warmUpMs, measureMs, step) {
  const from = performance.now() + warmUpMs;
  let n = 0;
  while (performance.now() < from) n += await step(n);
  const start = performance.now();
  const before = n;
  while (performance.now() < start + measureMs) n += await step(n);
  return ((n - before) * 1000) / (performance.now() - start);
}
