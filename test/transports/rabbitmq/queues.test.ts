import { type Channel, connect } from 'amqplib';
import { expect, onTestFinished, test } from 'vitest';
import { groupNames, waitName } from '../../../src/transports/rabbitmq/rabbitmq-names.js';
import { sharedRabbitmq } from '../../brokers/shared.js';
import { acking, allReceived, consuming, message, node, one, opened, queueName, textOf, until } from './stage.js';

/** The broker as any other program sees it. */
async function raw(url: string) {
  const connection = await connect(url);
  connection.on('error', () => undefined);
  onTestFinished(() => connection.close().catch(() => undefined));
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  return channel;
}

function majorOf({ connection }: Channel): number {
  return Number.parseInt(String(connection.serverProperties.version), 10);
}

/** Where a delivery is acknowledged. */
interface Receipt {
  readonly acks: { ack(tag: number, id: string): void; flush(): Promise<void> };
}

function receiptOf(delivery: unknown): Receipt {
  return (delivery as { readonly receipt: Receipt }).receipt;
}

/** What a bug would do: acknowledges what was never received. */
async function breakChannel({ acks }: Receipt): Promise<void> {
  acks.ack(99, 'bug');
  await acks.flush();
}

test('a queue that is deleted while it is consumed is declared anew, and the worker says so', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer, degraded } = await consuming(transport, queue);
  const received = acking(consumer);
  await transport.publish(queue, [message('before')]);
  await allReceived(['before'], received, 10_000);
  const channel = await raw(url);
  for (const name of Object.values(groupNames(queue, 'workers'))) await channel.deleteQueue(name);
  await until(() => expect(degraded().join()).toContain('declared anew'));
  await transport.publish(queue, [message('after')]);
  await allReceived(['after'], received, 10_000);
});

test('an exchange that is deleted is declared anew by the next publish', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  await transport.publish(queue, [message('before')]);
  await (await raw(url)).deleteExchange(queue);
  await transport.publish(queue, [message('after')]);
  const { consumer } = await consuming(transport, queue);
  await allReceived(['before', 'after'], acking(consumer), 10_000);
});

test('an exchange that is deleted while its queue is consumed takes nothing along: the group is bound anew', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer } = await consuming(transport, queue);
  const received = acking(consumer);
  await transport.publish(queue, [message('before')]);
  await allReceived(['before'], received, 10_000);
  await (await raw(url)).deleteExchange(queue);
  await transport.publish(queue, [message('after')]);
  await allReceived(['after'], received, 10_000);
});

test('what nobody is bound to get waits for the first group, and is not dropped', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  await (await opened(url)).publish(queue, [message('early')]);
  const { consumer } = await consuming(await opened(url), queue);
  expect(textOf(await one(consumer))).toBe('early');
});

test('a channel the server closes is rebuilt; what it held comes again', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer, degraded, kinds } = await consuming(transport, queue);
  await transport.publish(queue, [message('held')]);
  await breakChannel(receiptOf(await one(consumer)));
  await until(() => expect(degraded().join()).toContain('PRECONDITION_FAILED - unknown delivery tag'));
  const again = await one(consumer);
  expect([textOf(again), again.attempt, again.crashes]).toEqual(['held', 2, 1]);
  expect(kinds()).not.toContain('disconnected');
});

test('a suspect that runs while the server closes the channel it came by is not held for ever: it comes again', async () => {
  const transport = await opened(await sharedRabbitmq());
  const queue = queueName();
  const { consumer, kinds } = await consuming(transport, queue);
  await transport.publish(queue, [message('suspect')]);
  const retry = { kind: 'postponed', target: undefined, delayMs: 0, attempts: 2, crashes: 2 } as const;
  await (await one(consumer)).handOver([retry]);
  const suspect = await one(consumer);
  const cameBy = receiptOf(suspect);
  await suspect.begin();
  await breakChannel(cameBy);
  await until(() => expect(kinds()).toContain('lease_lost'));
  const again = await one(consumer);
  expect([textOf(again), again.attempt, again.crashes]).toEqual(['suspect', 4, 3]);
});

test('a queue that exists with other arguments is explained', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  await (await raw(url)).assertQueue(groupNames(queue, 'workers').main, { durable: true });
  await expect(consuming(await opened(url), queue)).rejects.toMatchObject({
    code: 'THRUN_TRANSPORT_REFUSED',
    message: expect.stringMatching(/inequivalent arg 'x-[\w-]+' for queue 'faults-.*Delete it when/) as string,
  });
});

test('queues that were made before RabbitMQ 4 are taken as they are', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const { dead } = groupNames(queue, 'workers');
  await (await raw(url)).assertQueue(dead, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  const transport = await opened(url);
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('x')]);
  await allReceived(['x'], acking(consumer), 10_000);
});

test('an exchange of another type is explained as well', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  await (await raw(url)).assertExchange(queue, 'fanout', { durable: true });
  await expect((await opened(url)).publish(queue, [message('x')])).rejects.toMatchObject({
    code: 'THRUN_TRANSPORT_REFUSED',
    message: expect.stringContaining("inequivalent arg 'type' for exchange") as string,
  });
});

test('a message that kills whoever receives it is buried by the broker, with its bytes', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer } = await consuming(transport, queue);
  await consumer.close();
  await transport.publish(queue, [message('poison')]);
  const channel = await raw(url);
  const { main } = groupNames(queue, 'workers');
  let received = 0;
  await channel.consume(main, (got) => {
    received++;
    // As one whose receiver died. RabbitMQ 4.3 does not count what is handed back by `nack`.
    if (got) channel.reject(got, true);
  });
  await until(async () => expect(await transport.deadLetters.count({ queue })).toBe(1));
  const [letter] = await transport.deadLetters.list({ queue }, 1);
  expect([letter?.reason, String(letter?.body), letter?.group]).toEqual(['crashed_worker', 'poison', 'workers']);
  expect(received).toBeGreaterThan(20);
  expect(await transport.deadLetters.retry([letter?.id ?? ''])).toBe(1);
  const { consumer: after } = await consuming(transport, queue);
  const retried = await one(after);
  expect([textOf(retried), retried.attempt, retried.crashes]).toEqual(['poison', 1, 0]);
});

// Where more is asked for there is a subscription, and RabbitMQ 4.3 ends that in place of the channel.
test.each([
  ['nothing', 0],
  ['more', 20_000],
])(
  'a listener runs longer than the broker allows, %s is asked for meanwhile: what to do is said, it comes again',
  async (_, waitMs) => {
    const broker = await node({
      config: ['consumer_timeout = 1000'],
      advanced: '{rabbit, [{channel_tick_interval, 500}]}',
    });
    const queue = queueName();
    const transport = await opened(broker.url);
    const { consumer, degraded, kinds } = await consuming(transport, queue);
    await transport.publish(queue, [message('slow')]);
    await one(consumer);
    const [more] = await consumer.next(1, { waitMs });
    await until(() => expect(degraded().join()).toContain('Raise consumer_timeout'), 20_000);
    expect(degraded().join()).not.toContain('gone');
    expect(kinds()).toContain('lease_lost');
    expect((more ?? (await one(consumer))).attempt).toBe(2);
  },
);

test('short of memory the broker takes no publishes: it is said, consuming goes on, and it comes to itself', async () => {
  const broker = await node();
  const queue = queueName();
  const transport = await opened(broker.url, { timeoutMs: 2000 });
  const { consumer, degraded } = await consuming(transport, queue);
  await transport.publish(queue, [message('before')]);
  await broker.control('set_vm_memory_high_watermark', '0.00001');
  await expect(transport.publish(queue, [message('during')])).rejects.toMatchObject({
    code: 'THRUN_PUBLISH_UNKNOWN',
    message: expect.stringContaining('low on memory') as string,
  });
  await until(() => expect(degraded().join()).toContain('low on memory'));
  const before = await one(consumer);
  expect(textOf(before)).toBe('before');
  await before.ack();
  await broker.control('set_vm_memory_high_watermark', '0.4');
  await until(() => transport.publish(queue, [message('after')]), 20_000);
  await allReceived(['after'], acking(consumer), 10_000);
});

test('a delay of any length is made of waits that are not too long, and told to whoever asks', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('x')]);
  const channel = await raw(url);
  const from = Date.now();
  // 4 s, so that there is time to look; then 1 s, 250 ms twice, and the rest.
  await (await one(consumer)).handOver([{ kind: 'postponed', target: 'a', delayMs: 5700, attempts: 1, crashes: 0 }]);
  expect((await channel.checkQueue(waitName(queue, 'workers', 4000))).messageCount).toBe(1);
  const [row] = await transport.queues.stats();
  expect(row?.delayed).toBe(1);
  const told = row?.nextRetryMs;
  // RabbitMQ 4 would count the look as an attempt.
  if (majorOf(channel) >= 4) expect(told).toBeUndefined();
  else expect(told !== undefined && told > 1000 && told <= 5700).toBe(true);
  // It gives up after ten seconds: a wait that is too long would be one of fifteen.
  const again = await one(consumer);
  expect(Date.now() - from).toBeGreaterThanOrEqual(5700);
  expect([again.target, again.attempt]).toEqual(['a', 2]);
  expect((await channel.checkQueue(waitName(queue, 'workers', 250))).messageCount).toBe(0);
});

test('an error text of any length is kept as far as headers go', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer } = await consuming(transport, queue);
  const channel = await raw(url);
  // Foreign headers, as many as the broker takes.
  const headers = Object.fromEntries(Array.from({ length: 55 }, (_, i) => [`x-foreign-${i}`, 'é'.repeat(500)]));
  await new Promise((resolve) =>
    channel.publish(queue, 'tested', Buffer.from('{"event":"a"}'), { headers, userId: 'guest' }, resolve),
  );
  const error = 'ß'.repeat(100_000);
  await (await one(consumer)).handOver([
    { kind: 'dead', target: undefined, reason: 'gave_up', error, attempts: 1, event: undefined, eventId: undefined },
  ]);
  const [letter] = await transport.deadLetters.list({ queue }, 1);
  expect(letter?.error.length).toBeGreaterThan(10_000);
  expect(error.startsWith(letter?.error.slice(0, -2) ?? '?')).toBe(true);
  expect(String(letter?.body)).toBe('{"event":"a"}');
});

test('a dead letter is looked at as often as anybody likes, also where the broker drops what it gave out 20 times', async () => {
  const broker = await node();
  // As RabbitMQ 4 does without being asked to.
  await broker.control('set_policy', 'limit', '@dead$', '{"delivery-limit":20}', '--apply-to', 'queues');
  const queue = queueName();
  const transport = await opened(broker.url);
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('ours')]);
  const [error, attempts] = ['no', 7];
  const death = { target: 'a', reason: 'gave_up', error, attempts, event: 'tested', eventId: 'id' } as const;
  await (await one(consumer)).handOver([{ kind: 'dead', ...death }]);
  const buried = await raw(broker.url);
  buried.sendToQueue(groupNames(queue, 'workers').dead, Buffer.from('buried by the broker'));
  await buried.waitForConfirms();
  const look = async () => {
    const letters = await transport.deadLetters.list({ queue }, 10);
    return letters.map(({ id, body, target, reason, event, diedAt }) => [
      id,
      String(body),
      target,
      reason,
      event,
      diedAt,
    ]);
  };
  const first = await look();
  expect(first.map(([, body]) => body).sort()).toEqual(['buried by the broker', 'ours']);
  for (let looks = 1; looks < 30; looks++) expect(await look()).toEqual(first);
  expect(await transport.deadLetters.retry(first.map(([id]) => String(id)))).toBe(2);
  expect([textOf(await one(consumer)), textOf(await one(consumer))].sort()).toEqual(['buried by the broker', 'ours']);
});

test('dead letters beyond what one consumer is given, read by two at once', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer } = await consuming(transport, queue);
  const count = 2100;
  await transport.publish(
    queue,
    Array.from({ length: count }, (_, i) => message(String(i))),
  );
  for (let dead = 0; dead < count; ) {
    const batch = await consumer.next(500, { waitMs: 5000 });
    const common = { target: undefined, reason: 'gave_up', error: '', attempts: 1, eventId: undefined } as const;
    await Promise.all(batch.map((delivery) => delivery.handOver([{ kind: 'dead', ...common, event: 'tested' }])));
    dead += batch.length;
  }
  const other = await opened(url);
  const lists = await Promise.all([transport, other].map(({ deadLetters }) => deadLetters.list({ queue }, 10_000)));
  expect(lists.map((list) => new Set(list.map(({ id }) => id)).size)).toEqual([count, count]);
  const ids = lists[0]?.map(({ id }) => id) ?? [];
  expect(await other.deadLetters.forget(ids.slice(0, 2000))).toBe(2000);
  // The broker takes them in hand at once, and tells their number a moment later.
  await until(async () => expect(await transport.deadLetters.count({ queue })).toBe(100));
});
