import { Kafka, logLevel } from 'kafkajs';
import { onTestFinished } from 'vitest';

/** What the groups of a broker had committed, looked at again and again. */
export interface CommitWatch {
  /** `workers orders[0]` → the next offset to read. */
  readonly committed: ReadonlyMap<string, number>;
  /** Where an offset went back: `workers orders[0]: 120 to 80`. */
  readonly backwards: readonly string[];
  readonly looks: () => number;
}

const EVERY_MS = 100;

/** From now until the test ends. While the broker is away nothing is seen, and nothing can be committed. */
export async function watchCommits(...brokers: readonly string[]): Promise<CommitWatch> {
  const retry = { retries: 1, initialRetryTime: 50 };
  const soon = { connectionTimeout: 500, requestTimeout: 2000, retry };
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, ...soon }).admin();
  await admin.connect();
  const committed = new Map<string, number>();
  const backwards: string[] = [];
  let looks = 0;
  const look = async () => {
    const [topics, { groups }] = await Promise.all([admin.listTopics(), admin.listGroups()]);
    for (const { groupId } of groups) {
      for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics })) {
        for (const { partition, offset } of partitions) note(`${groupId} ${topic}[${partition}]`, Number(offset));
      }
    }
    looks++;
  };
  const note = (place: string, offset: number) => {
    const before = committed.get(place) ?? -1;
    if (offset < before) backwards.push(`${place}: ${before} to ${offset}`);
    if (offset !== -1 || before !== -1) committed.set(place, offset);
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => undefined);
  }, EVERY_MS);
  onTestFinished(async () => {
    clearInterval(timer);
    await looking;
    await admin.disconnect();
  });
  return { committed, backwards, looks: () => looks };
}
