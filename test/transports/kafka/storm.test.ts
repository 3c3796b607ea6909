import { expect, test } from 'vitest';
import { seeded } from '../../support/random.js';
import { commitsOf } from './commits.js';
import { app, node, queueName, until } from './stage.js';

const SECONDS = Number(process.env.KILL_SECONDS ?? 20);
const BACKLOG = 1000;

test(`members come and go every two seconds, for ${SECONDS} s under load: nothing is lost, no commit goes back`, {
  timeout: (SECONDS + 90) * 1000,
}, async () => {
  const { seed, random } = seeded();
  const broker = await node();
  const queue = queueName();
  const times = new Map<string, number>();
  const join = async () => {
    const member = await app(broker.url, queue);
    member.subscribe('load', async (_: unknown, { meta }) => {
      await new Promise((resolve) => setTimeout(resolve, random() * 20));
      times.set(meta.event_id, (times.get(meta.event_id) ?? 0) + 1);
    });
    await member.work();
    return member;
  };
  const members = [await join(), await join()];
  const publisher = await app(broker.url, queue);

  const end = performance.now() + SECONDS * 1000;
  let [joined, left] = [2, 0];
  const storm = (async () => {
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const leaves = members.length > 4 || (members.length > 1 && random() < 0.5);
      if (leaves) {
        left++;
        await members.splice(Math.floor(random() * members.length), 1)[0]?.close();
      } else {
        joined++;
        members.push(await join());
      }
    }
  })();
  const published = new Set<string>();
  while (performance.now() < end) {
    const key = () => String(Math.floor(random() * 50));
    const events = Array.from({ length: 50 }, () => ({ event: 'load', payload: {}, key: key() }));
    for (const id of await publisher.events(events)) published.add(id);
    await until(() => expect(published.size - times.size).toBeLessThan(BACKLOG), 30_000);
  }
  await storm;
  await until(() => expect([...published].filter((id) => !times.has(id))).toEqual([]), 30_000);

  const commits = await commitsOf([broker.url], queue);
  const again = [...times.values()].reduce((sum, count) => sum + count - 1, 0);
  console.log(
    `storm, seed ${seed}: ${published.size} published, all handled, ${again} handled again; ` +
      `${joined} joined, ${left} left; ${commits.count} commits of ${commits.last.size} partitions`,
  );
  expect(left).toBeGreaterThan(0);
  expect(again).toBeLessThan(published.size / 10);
  expect(commits.count).toBeGreaterThan(SECONDS);
  expect(commits.backwards).toEqual([]);
});
