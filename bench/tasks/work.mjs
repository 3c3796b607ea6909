import { setTimeout as sleep } from 'node:timers/promises';
import { runTask } from '../process.mjs';
import { monotonicMs } from './publish.mjs';

/** Events a second from the start of the worker until the last of a backlog is settled. */
export async function drain(contender, { count, handlerMs = 0, limitMs, ...where }) {
  await runTask({ ...where, task: 'fill', count });
  const queue = await contender.open({ ...where, role: 'worker' });
  let handled = 0;
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const start = performance.now();
  const worker = await queue.work(async () => {
    if (handlerMs > 0) await sleep(handlerMs);
    if (++handled === count) finish();
  });
  // Against one that would take minutes; what it did until then tells its rate.
  const limit = setTimeout(finish, limitMs);
  await finished;
  await worker.stop();
  const rate = (handled * 1000) / (performance.now() - start);
  clearTimeout(limit);
  await queue.close();
  if (handled > count) throw new Error(`handled ${handled} of ${count}`);
  return { rate };
}

/** Milliseconds from handing an event to the publisher in one process to the start of its handler in another. */
export async function latency(contender, { perSecond, seconds, ...where }) {
  const queue = await contender.open({ ...where, role: 'worker' });
  const all = perSecond * seconds;
  const taken = [];
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const worker = await queue.work(async ({ sent_at }) => {
    taken.push(monotonicMs() - sent_at);
    if (taken.length === all) finish();
  });
  await runTask({ ...where, task: 'publishAtRate', perSecond, seconds });
  await Promise.race([finished, sleep(10_000)]);
  await worker.stop();
  await queue.close();
  if (taken.length !== all) throw new Error(`received ${taken.length} of ${all}`);
  // The first second is the publisher's start.
  const settled = taken.slice(Math.min(perSecond, all / 4)).sort((a, b) => a - b);
  const at = (share) => settled[Math.floor((settled.length - 1) * share)];
  return { p50: at(0.5), p99: at(0.99) };
}

/** Milliseconds of CPU a second, user and system, of a worker that has nothing to do. */
export async function idle(contender, { seconds, ...where }) {
  const queue = await contender.open({ ...where, role: 'worker' });
  const worker = await queue.work(async () => undefined);
  await sleep(1000);
  const before = process.cpuUsage();
  await sleep(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  await worker.stop();
  await queue.close();
  return { cpu: (user + system) / 1000 / seconds };
}
