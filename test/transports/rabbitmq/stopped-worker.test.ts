import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { sharedRabbitmq } from '../../brokers/shared.js';
import { REPOSITORY } from '../../support/build.js';
import { consuming, message, one, opened, queueName, textOf, until } from './stage.js';

const TRANSPORT = pathToFileURL(join(REPOSITORY, 'dist/transports/rabbitmq/rabbitmq-transport.js')).href;

/** A process that receives one delivery, says so, and acknowledges it when it reads a line. */
const WORKER = `
  import { RabbitmqTransport } from ${JSON.stringify(TRANSPORT)};
  const [url, queue, heartbeat] = process.argv.slice(1);
  const transport = new RabbitmqTransport({ url, heartbeatMs: Number(heartbeat), timeoutMs: 10000 });
  await transport.open();
  const onNotice = ({ kind }) => console.log(kind);
  const consumer = await transport.consume({ queue, group: 'workers', visibilityMs: 30000, onNotice });
  console.log('ready');
  const [delivery] = await consumer.next(1, { waitMs: 20000 });
  console.log('received');
  process.stdin.once('data', async () => {
    await delivery.ack();
    await transport.close();
    process.stdin.destroy();
  });`;

async function worker(queue: string, heartbeatMs: number) {
  const args = [await sharedRabbitmq(), queue, String(heartbeatMs)];
  const child = spawn(process.execPath, ['--input-type=module', '-e', WORKER, ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => lines.push(...String(chunk).trim().split('\n')));
  child.stderr.on('data', (chunk: Buffer) => lines.push(String(chunk)));
  await until(() => expect(lines).toContain('ready'), 30_000);
  return { child, lines };
}

test('what a stopped process holds goes to another; when it wakes up its word counts for nothing', async () => {
  const queue = queueName();
  const { child, lines } = await worker(queue, 1000);
  const transport = await opened(await sharedRabbitmq());
  await transport.publish(queue, [message('x')]);
  await until(() => expect(lines).toContain('received'));
  child.kill('SIGSTOP');
  const { consumer } = await consuming(transport, queue);
  const taken = await one(consumer);
  expect([textOf(taken), taken.attempt, taken.crashes]).toEqual(['x', 2, 1]);
  child.kill('SIGCONT');
  child.stdin.write('\n');
  await once(child, 'exit');
  expect(lines).toContain('lease_lost');
  await taken.handOver([{ kind: 'postponed', target: 'a', delayMs: 0, attempts: 2, crashes: 1 }]);
  expect((await one(consumer)).target).toBe('a');
});

test('what a killed process holds goes to another at once', async () => {
  const queue = queueName();
  // Its silence would be noticed in a minute or two.
  const { child, lines } = await worker(queue, 60_000);
  const transport = await opened(await sharedRabbitmq());
  await transport.publish(queue, [message('x')]);
  await until(() => expect(lines).toContain('received'));
  const { consumer } = await consuming(transport, queue);
  child.kill('SIGKILL');
  expect((await one(consumer)).attempt).toBe(2);
});
