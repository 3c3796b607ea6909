import type { Channel, Message } from 'amqplib';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Acks } from '../../../src/transports/rabbitmq/rabbitmq-acks.js';

/** A channel whose questions are answered by the test. */
function setUp() {
  const written: string[] = [];
  const questions: { readonly answer: () => void }[] = [];
  const uncertain: string[] = [];
  const channel = {
    connection: {},
    ack: ({ fields }: Message, allUpTo: boolean) =>
      written.push(`${fields.deliveryTag}${allUpTo ? ' and before' : ''}`),
  } as unknown as Channel;
  const ask = () => {
    written.push('?');
    return new Promise<void>((answer) => questions.push({ answer }));
  };
  return { acks: new Acks(channel, ask, (id) => uncertain.push(id)), written, questions, uncertain };
}

/** A pause ends only when it is cut short. */
function withoutTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('those of one turn leave as one up to the last; one that is ahead of others by itself; then the question', async () => {
  const { acks, written } = setUp();
  for (const tag of [2, 1, 3, 5]) void acks.ack(tag);
  await turns();
  expect(written).toEqual(['3 and before', '5', '?']);
  void acks.ack(4);
  await turns();
  expect(written.slice(3)).toEqual(['4']);
});

test('the next question waits for its pause, not so where somebody waits for all of them', async () => {
  withoutTimers();
  const { acks, written, questions } = setUp();
  const first = acks.ack(1);
  await turns();
  const second = acks.ack(2);
  questions[0]?.answer();
  await first;
  await turns();
  expect(written).toEqual(['1', '?', '2']);
  const flushed = acks.flush();
  await turns();
  expect(written).toEqual(['1', '?', '2', '?']);
  questions[1]?.answer();
  await Promise.all([second, flushed]);
});

test('who waits for all of them while a question is on its way is not held up by the pause behind it', async () => {
  withoutTimers();
  const { acks, questions } = setUp();
  void acks.ack(1);
  await turns();
  void acks.ack(2);
  const flushed = acks.flush();
  questions[0]?.answer();
  await turns();
  expect(questions).toHaveLength(2);
  questions[1]?.answer();
  await flushed;
});

test('a channel that ends in the pause leaves uncertain what was not asked for yet', async () => {
  withoutTimers();
  const { acks, questions, uncertain } = setUp();
  void acks.ack(1, 'one');
  await turns();
  const second = acks.ack(2, 'two');
  questions[0]?.answer();
  await turns();
  acks.end();
  await second;
  expect(uncertain).toEqual(['two']);
});
