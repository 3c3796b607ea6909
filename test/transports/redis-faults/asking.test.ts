import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createThrun } from '../../../src/index.js';
import { message } from '../../../src/testing/conformance/receive.js';
import { client, consume, opened, proxyTo, server, TRANSPORTS } from './stage.js';

describe.each(TRANSPORTS)('%s: a link that breaks just then', (name, transport) => {
  async function linked() {
    const redis = await server();
    const proxy = await proxyTo(redis.port);
    return { redis, proxy, url: `redis://127.0.0.1:${proxy.port}` };
  }

  test.each([
    ['how queues are', 'smembers', (it: ReturnType<typeof transport>) => it.queues?.stats()],
    ['for dead letters', 'smembers', (it: ReturnType<typeof transport>) => it.deadLetters?.list({}, 10)],
    ['to empty a queue', 'hkeys', (it: ReturnType<typeof transport>) => it.queues?.purge('events')],
    ['to consume', '\r\ntype\r\n', (it: ReturnType<typeof transport>) => consume(it)],
  ])('who asked %s is told so by the name of the transport', async (_, command, ask) => {
    const { redis, proxy, url } = await linked();
    const asked = await opened(transport({ url }));
    await asked.publish('events', [message('x')]);
    // What is there to be emptied of its retries, on a list too.
    await client(redis.url).hset('{events}:groups', 'workers', '1');
    const cut = proxy.cutAfter(command);
    await expect(ask(asked)).rejects.toMatchObject({
      code: 'THRUN_TRANSPORT_UNAVAILABLE',
      message: `The transport ${name} cannot be reached: the connection was lost before it answered`,
    });
    await cut;
  });

  test('a worker that was about to begin begins when it is back', async () => {
    const { proxy, url } = await linked();
    const app = await createThrun({
      group: 'workers',
      transport: name as 'redis-list',
      transports: { redis: { url } },
      logLevel: 'silent',
    });
    onTestFinished(() => app.close());
    const handled: unknown[] = [];
    app.subscribe('counted', (payload) => void handled.push(payload));
    const cut = proxy.cutAfter('\r\ntype\r\n');
    await app.work({ patient: true });
    await cut;
    await app.event('counted', { n: 1 });
    await vi.waitFor(() => expect(handled).toEqual([{ n: 1 }]), 10_000);
  });
});
