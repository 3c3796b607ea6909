import { expect, onTestFinished, test } from 'vitest';
import type { KafkaClient, MemberLink } from '../../../src/transports/kafka/kafka-client.js';
import { KafkajsClient } from '../../../src/transports/kafka/client/kafkajs-client.js';
import { KafkaTransport } from '../../../src/transports/kafka/kafka-transport.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { sharedKafka } from '../../brokers/shared.js';
import { Project } from '../../end-to-end/project.js';
import { message, queueName, textOf, until } from './stage.js';

test('what is published while a worker waits needs no commit before it is given out', async () => {
  const { transport, queue, commits } = await stoppable();
  const consumer = await transport.consume({ queue, group: 'workers', visibilityMs: 30_000, onNotice() {} });
  const waiting = consumer.next(1, { waitMs: 20_000 });
  await until(() => expect(commits.answered).toBeGreaterThan(0));
  // From now on no commit gets to the broker.
  commits.hold();
  await transport.publish(queue, [message('at once')]);
  const [delivery] = await waiting;
  expect(delivery && textOf(delivery)).toBe('at once');
  commits.release();
  await delivery?.ack();
});

test('a worker that dies the moment it is handed something has counted; what came later has not crashed with it', async () => {
  const broker = {
    transport: 'kafka',
    group: 'e2e',
    queue: queueName(),
    transports: { kafka: { brokers: await sharedKafka() } },
  } as const;
  const project = new Project(
    `@ThrunEventListener('good')
     export class Good { handle(_: unknown, context: EventContext) { ledger(context); } }
     @ThrunEventListener('poison')
     export class Poison { handle(_: unknown, context: EventContext) { ledger(context); process.kill(process.pid, 'SIGKILL'); } }`,
    JSON.stringify({ ...broker, worker: { concurrency: 5, maxCrashes: 4, visibilityTimeout: '2s' } }),
    { broker },
  );
  onTestFinished(() => project.dispose());
  const thrun = await project.publisher();
  const { deadLetters, queues } = await thrun.transport();
  const worker = project.start('work');
  await worker.says('is ready');
  // It waits by now: what comes is held ahead.
  await thrun.event('good');
  await project.until('it works', (handled) => handled.length === 1);
  const stats = async () => (await queues?.stats())?.find(({ queue }) => queue === broker.queue);
  await until(async () => expect(await stats()).toMatchObject({ depth: 0, inFlight: 0 }));
  await thrun.event('poison');
  await until(async () => {
    const letters = await deadLetters?.list({ queue: broker.queue }, 10);
    expect(letters).toMatchObject([{ event: 'poison', reason: 'crashed_worker' }]);
  }, 60_000);
  const late = await thrun.event('good');
  await project.until('the late one', (handled) => handled.some(({ id }) => id === late));
  const attempts = (event: string) => project.handled().flatMap((one) => (one.event === event ? [one.attempt] : []));
  expect(attempts('poison')).toEqual([1, 2, 3, 4]);
  expect(attempts('good')).toEqual([1, 1]);
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
});

/** A transport whose members' commits can be kept back. */
async function stoppable() {
  let gate = Promise.resolve();
  let open: (() => void) | undefined;
  const commits = {
    answered: 0,
    hold: () => {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    release: () => open?.(),
  };
  const options = kafkaOptions(await sharedKafka());
  const client: KafkaClient = new KafkajsClient(options);
  const { member } = client;
  client.member = (group): MemberLink => {
    const link = member.call(client, group);
    const { commit } = link;
    link.commit = async (seat, offsets) => {
      await gate;
      await commit.call(link, seat, offsets);
      commits.answered++;
    };
    return link;
  };
  const transport = new KafkaTransport(options, undefined, client);
  onTestFinished(() => transport.close());
  await transport.open();
  return { transport, queue: queueName(), commits };
}
