import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RabbitmqNode, startRabbitmq } from './rabbitmq.js';

/**
 * One RabbitMQ for all test files: it takes seconds to start. Test files run in processes of their own, so they ask for its
 * URL at a socket; the first one has it started. The returned function ends it.
 */
export async function shareBrokers(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-brokers-'));
  const path = join(folder, 'socket');
  let starting: Promise<RabbitmqNode> | undefined;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    starting ??= startRabbitmq();
    starting.then(
      ({ url }) => socket.end(url),
      (error: unknown) => socket.end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  process.env.THRUN_TEST_BROKERS = path;
  return async () => {
    server.close();
    await (await starting?.catch(() => undefined))?.dispose();
    await rm(folder, { recursive: true, force: true });
  };
}
