import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  ackAll,
  message,
  numbered,
  receive,
  retryOf,
  sorted,
  textOf,
  textsOf,
} from '../../../src/testing/conformance/receive.js';
import { certificate } from '../../brokers/certificate.js';
import { startCluster, startSentinels } from '../../brokers/redis-topologies.js';
import { client, consume, opened, server, TRANSPORTS } from './stage.js';

describe.each(TRANSPORTS)('%s', (_, transport) => {
  test('sentinels: the master is killed, and its replica takes over', async () => {
    const setup = await startSentinels();
    onTestFinished(() => setup.dispose());
    const options = { sentinel: { name: 'mymaster', nodes: setup.sentinels }, timeoutMs: 1000 };
    const sender = await opened(transport(options));
    const { consumer, kinds } = await consume(await opened(transport(options)), { visibilityMs: 2000 });
    const confirmed = new Set<string>();
    const publish = (text: string) =>
      sender.publish('events', [message(text)]).then(
        () => confirmed.add(text),
        () => undefined,
      );
    for (let n = 0; n < 50; n++) await publish(`before ${n}`);
    const held = await receive(consumer, 10);
    // Copying is not waited for by the master: without this the test would be one of luck.
    await client(setup.master.url).wait(1, 20_000);
    await setup.master.kill();
    // How soon they agree on another one is theirs to say; from then on it is ours.
    const sentinel = client(`redis://${setup.sentinels[0]}`);
    const masterPort = async () => {
      const [, port] = (await sentinel.call('SENTINEL', 'get-master-addr-by-name', 'mymaster')) as string[];
      return Number(port);
    };
    await vi.waitFor(async () => expect(await masterPort()).not.toBe(setup.master.port), 40_000);
    await vi.waitFor(
      async () => {
        await publish(`after ${performance.now()}`);
        expect([...confirmed].some((text) => text.startsWith('after'))).toBe(true);
      },
      { timeout: 15_000, interval: 100 },
    );
    await ackAll(held);
    const seen = new Set(textsOf(held));
    await vi.waitFor(async () => {
      for (const delivery of await consumer.next(10, { waitMs: 100 })) {
        seen.add(textOf(delivery));
        await delivery.ack();
      }
      expect([...confirmed].filter((text) => !seen.has(text))).toEqual([]);
    }, 30_000);
    expect(kinds()).toEqual(expect.arrayContaining(['disconnected', 'reconnected']));
  });

  test('a cluster of three: queues on every node, retries, another queue, dead letters', async () => {
    const nodes = await startCluster();
    onTestFinished(() => Promise.all(nodes.map((node) => node.dispose())).then(() => undefined));
    const [{ port } = { port: 0 }] = nodes;
    const app = await opened(transport({ cluster: [`127.0.0.1:${port}`], timeoutMs: 5000 }));
    const queues = ['events', 'mail', 'orders', '{shop}orders', 'a b "c"'];
    for (const queue of queues) {
      const { consumer } = await consume(app, { queue });
      await app.publish(queue, [...numbered(20), message('later', { deliverAt: Date.now() + 200 })]);
      const batch = await receive(consumer, 20);
      expect(sorted(textsOf(batch))).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
      const [a, b, c, ...rest] = batch;
      await a?.handOver([retryOf(a, { target: 'mailer' })]);
      await b?.handOver([retryOf(b, { queue: 'elsewhere', target: 'mailer' })]);
      await c?.handOver([
        { kind: 'dead', target: undefined, reason: 'gave_up', error: 'no use', attempts: 1, event: 'x', eventId: 'y' },
      ]);
      await ackAll(rest);
      const again = await receive(consumer, 2);
      expect(again.map(({ target }) => target)).toEqual(expect.arrayContaining(['mailer', undefined]));
      await ackAll(again);
    }
    const elsewhere = await receive((await consume(app, { queue: 'elsewhere' })).consumer, queues.length);
    await ackAll(elsewhere);
    const letters = (await app.deadLetters?.list({}, 100)) ?? [];
    expect(letters.map(({ queue }) => queue).sort()).toEqual([...queues].sort());
    expect(await app.deadLetters?.retry(letters.map(({ id }) => id))).toBe(queues.length);
    const stats = (await app.queues?.stats()) ?? [];
    expect(stats.reduce((sum, { depth }) => sum + depth, 0)).toBe(queues.length);
  });

  test('a node of the cluster is killed and comes back: nothing confirmed is lost', async () => {
    const nodes = await startCluster();
    onTestFinished(() => Promise.all(nodes.map((node) => node.dispose())).then(() => undefined));
    const options = { cluster: nodes.map(({ port }) => `127.0.0.1:${port}`), timeoutMs: 3000 };
    const app = await opened(transport(options));
    const { consumer } = await consume(app, { visibilityMs: 2000 });
    const confirmed = new Set<string>();
    for (let n = 0; n < 20; n++) await app.publish('events', [message(String(n))]).then(() => confirmed.add(String(n)));
    for (const node of nodes) {
      await node.kill();
      await node.start();
    }
    await vi.waitFor(() => app.publish('events', [message('after')]).then(() => confirmed.add('after')), 30_000);
    const seen = new Set<string>();
    await vi.waitFor(async () => {
      for (const delivery of await consumer.next(50, { waitMs: 100 })) {
        seen.add(textOf(delivery));
        await delivery.ack();
      }
      expect([...confirmed].filter((text) => !seen.has(text))).toEqual([]);
    }, 30_000);
  });

  test('TLS and a password: in the URL or beside it, and never shown', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'thrun-tls-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const tls = await certificate(folder);
    const redis = await server({ tls, password: 'se/cr@t' });
    const ca = await readFile(tls.cert);
    const { consumer } = await consume(await opened(transport({ url: redis.url, tls: { ca } })));
    const beside = { url: `rediss://127.0.0.1:${redis.port}`, password: 'se/cr@t', tls: { ca } };
    await (await opened(transport(beside))).publish('events', [message('x')]);
    expect(textsOf(await receive(consumer, 1))).toEqual(['x']);

    const refusals = [
      { url: `rediss://:wr%2Fong@127.0.0.1:${redis.port}`, tls: { ca } },
      { url: redis.url },
      { url: redis.url.replace('rediss:', 'redis:'), timeoutMs: 500 },
    ].map((options) =>
      transport(options)
        .open()
        .catch((error: Error) => error),
    );
    for (const refusal of await Promise.all(refusals)) {
      expect(refusal).toMatchObject({ code: 'THRUN_TRANSPORT_UNAVAILABLE' });
      const shown = JSON.stringify([refusal, String(refusal), (refusal as Error).stack]);
      expect(shown).not.toMatch(/se\/cr|se%2Fcr|wr\/ong|wr%2Fong/);
    }
    expect(String((await refusals[0]) as Error)).toContain('WRONGPASS');
  });
});
