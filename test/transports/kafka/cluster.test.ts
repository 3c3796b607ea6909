import { Kafka, logLevel } from 'kafkajs';
import { expect, onTestFinished, test } from 'vitest';
import { startKafkaCluster } from '../../brokers/kafka.js';
import { commitsOf } from './commits.js';
import { app, queueName, until } from './stage.js';

const PUBLISHERS = 10;
/** So many before and after each fault. */
const SOME = 200;

test('three brokers, each killed in its turn under load: nothing confirmed is lost, everybody goes on at the others', {
  timeout: 180_000,
}, async () => {
  const nodes = await startKafkaCluster();
  onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.dispose()))));
  const brokers = nodes.map(({ url }) => url);
  const queue = queueName();
  const times = new Map<string, number>();
  let [last, longestGap] = [performance.now(), 0];
  const worker = await app(brokers.join(','), queue);
  worker.subscribe('load', (_: unknown, { meta }) => {
    times.set(meta.event_id, (times.get(meta.event_id) ?? 0) + 1);
    longestGap = Math.max(longestGap, performance.now() - last);
    last = performance.now();
  });
  await worker.work();

  const publisher = await app(brokers.join(','), queue);
  const confirmed = new Set<string>();
  const refused: string[] = [];
  let [next, isOver] = [0, false];
  const publish = async () => {
    while (!isOver) {
      const id = String(next++);
      await publisher.event('load', {}, { id }).then(
        () => confirmed.add(id),
        (error: { readonly code?: string }) => {
          refused.push(String(error.code ?? error));
        },
      );
    }
  };
  onTestFinished(() => {
    isOver = true;
  });
  const publishing = Promise.all(Array.from({ length: PUBLISHERS }, publish));
  const more = async () => {
    const handled = times.size;
    await until(() => expect(times.size).toBeGreaterThan(handled + SOME), 60_000);
  };
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  /** Every replica has everything: another broker may die. */
  const inSync = () =>
    until(async () => {
      const { topics } = await admin.fetchTopicMetadata();
      const behind = topics.filter(({ partitions }) => partitions.some(({ isr }) => isr.length < 3));
      expect(behind.map(({ name }) => name)).toEqual([]);
    }, 60_000);
  for (const node of nodes) {
    await more();
    await inSync();
    await node.kill();
    await more();
    await node.start();
  }
  await more();
  isOver = true;
  await publishing;
  await until(() => expect([...confirmed].filter((id) => !times.has(id))).toEqual([]), 60_000);

  const commits = await commitsOf(brokers, queue);
  const again = [...times.values()].reduce((sum, count) => sum + count - 1, 0);
  console.log(
    `three brokers killed in turn: ${confirmed.size} of ${next} confirmed, all handled, ${again} again; nothing for ` +
      `${Math.round(longestGap)} ms at the longest; refused: ${JSON.stringify(refused)}; ${commits.count} commits`,
  );
  expect(confirmed.size).toBeGreaterThan(next * 0.99);
  expect(commits.count).toBeGreaterThan(20);
  expect(commits.backwards).toEqual([]);
});
