import { connect } from 'amqplib';
import { expect, onTestFinished, test } from 'vitest';
import { createThrun } from '../../../src/index.js';
import { groupNames } from '../../../src/transports/rabbitmq/rabbitmq-names.js';
import type { RabbitmqNode } from '../../brokers/rabbitmq.js';
import { TcpProxy } from '../../brokers/tcp-proxy.js';
import { acking, allReceived, consuming, message, node, opened, queueName, until } from './stage.js';

/** The queue forgets whoever consumes it, and neither channel nor client hears of it. @returns how many it forgot */
async function forgetConsumers(broker: RabbitmqNode, queue: string): Promise<number> {
  const forget = `
    {ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)),
    Leader = amqqueue:get_pid(Queue),
    {ok, {_, Consumers}, _} = ra:local_query(Leader, fun rabbit_fifo:query_consumers/1),
    Forget = fun(Id) -> {ok, _, _} = ra:process_command(Leader, rabbit_fifo:make_checkout(Id, cancel, #{})) end,
    [Forget({element(2, Consumer), element(1, Consumer)}) || Consumer <- maps:values(Consumers)], maps:size(Consumers).`;
  return Number(await broker.control('eval', forget));
}

test('a subscription that the broker has forgotten is made anew, also where others consume', async () => {
  const broker = await node();
  const queue = queueName();
  const { main } = groupNames(queue, 'workers');
  const transport = await opened(broker.url);
  const { consumer, degraded } = await consuming(transport, queue);
  const received = acking(consumer);
  await transport.publish(queue, [message('before')]);
  await allReceived(['before'], received, 10_000);

  expect(await forgetConsumers(broker, main)).toBeGreaterThan(0);
  await transport.publish(queue, [message('alone')]);
  await allReceived(['alone'], received, 20_000);
  expect(degraded().join()).toMatch(/nobody consumed the queue .* it subscribes anew/);

  expect(await forgetConsumers(broker, main)).toBeGreaterThan(0);
  const stranger = await connect(broker.url);
  onTestFinished(() => stranger.close());
  const channel = await stranger.createChannel();
  await channel.prefetch(1);
  // It has its hands full with the first for ever.
  await channel.consume(main, () => undefined);
  await transport.publish(queue, [message('his'), message('ours')]);
  await allReceived(['ours'], received, 30_000);
  expect(degraded().join()).toMatch(/messages waited and none came to this worker/);
});

test('connected and not answered: the worker is silent, and well again on the next link', async () => {
  const broker = await node();
  const proxy = await TcpProxy.to(broker.ports.amqp);
  onTestFinished(() => proxy.close());
  const queue = queueName();
  const thrun = await createThrun({
    queue,
    transport: 'rabbitmq',
    // The heartbeat would find it out first.
    transports: { rabbitmq: { url: `amqp://127.0.0.1:${proxy.port}`, heartbeat: '5m' } },
    logLevel: 'silent',
  });
  onTestFinished(() => thrun.close());
  thrun.subscribe('e', () => undefined);
  const worker = await thrun.work();
  await until(() => expect(worker.activity.empty).toBe(true), 20_000);

  proxy.blackhole();
  // Longer than between two looks: a worker that is well never gets there.
  await until(() => expect(worker.activity.silentMs).toBeGreaterThan(8000), 60_000);
  expect(worker.activity.silentOn).toBe('rabbitmq');

  proxy.pass();
  proxy.cut();
  await until(() => expect(worker.activity.silentMs).toBeLessThan(5000), 30_000);
});
