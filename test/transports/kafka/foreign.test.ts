import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import type { EventContext } from '../../../src/index.js';
import { REPOSITORY } from '../../support/build.js';
import { folder, goProgram } from './go.js';
import { app, node, until } from './stage.js';

const HOUR_MS = 3_600_000;

/** The programs of docs/kafka.md, as they stand there but for the address, against a real worker. */
const docs = readFileSync(join(REPOSITORY, 'docs', 'kafka.md'), 'utf8');
const ADDRESS = '127.0.0.1:9092';
const run = promisify(execFile);

/** The one in this language that has these words in it. */
function program(language: string, words: string): string {
  const all = [...docs.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);
  const found = all.find((text) => text.includes(words));
  if (found === undefined) throw new Error(`docs/kafka.md has no ${words} in ${language}`);
  return found;
}

/** Their topic is `events`, so the broker is the test's own. */
async function shop() {
  const { url } = await node();
  const thrun = await app(url, 'events');
  const received: { payload: unknown; meta: EventContext['meta']; body: string }[] = [];
  thrun.subscribe('order_created', (payload, { meta, body }) => {
    received.push({ payload, meta, body: Buffer.from(body).toString() });
  });
  await thrun.work();
  return { url, thrun, received };
}

/** A program in Go of the docs. */
function goOfDocs(words: string): Promise<string> {
  return goProgram('.', (made) => writeFileSync(join(made, 'main.go'), program('go', words)));
}

function sh(command: string, url: string) {
  return run('sh', ['-c', command.replaceAll(ADDRESS, url)]);
}

/** What a program says, until the test ends. */
function saying(command: string, ...args: string[]): () => string {
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void process.kill(-(child.pid ?? 0), 'SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += String(chunk)));
  return () => text;
}

test('kcat', async () => {
  const { url, received } = await shop();
  await sh(program('sh', '-k customer-7'), url);
  await until(() =>
    expect(received).toMatchObject([
      {
        body: '{"event":"order_created","payload":{"order_id":123},"meta":{"source":"kcat"}}',
        meta: { source: 'kcat' },
      },
    ]),
  );
});

test('kcat, with a CloudEvent in the binary binding', async () => {
  const { url, received } = await shop();
  await sh(program('sh', 'ce_specversion'), url);
  await until(() =>
    expect(received).toMatchObject([{ payload: { order_id: 123 }, meta: { event_id: 'a-7', source: '/kcat' } }]),
  );
});

test('Python, with confluent-kafka', async () => {
  const { url, received } = await shop();
  const file = join(folder(), 'publish.py');
  writeFileSync(file, program('python', 'Producer'));
  // The one that the system's packages are for.
  await run('/usr/bin/python3', [file, url]);
  await until(() =>
    expect(received).toMatchObject([
      { body: '{"event": "order_created", "payload": {"order_id": 123}, "meta": {"source": "python"}}' },
    ]),
  );
});

test('Go, with franz-go, compressed as it does by itself', { timeout: 240_000 }, async () => {
  const publish = await goOfDocs('ProduceSync');
  const { url, received } = await shop();
  await run(publish, [url]);
  await until(() =>
    expect(received).toMatchObject([
      { body: '{"event":"order_created","meta":{"source":"go"},"payload":{"order_id":123}}' },
    ]),
  );
});

test('kcat and Go consume what thrun publishes, each in a group of its own', { timeout: 240_000 }, async () => {
  const consume = await goOfDocs('ConsumerGroup');
  const { url, thrun, received } = await shop();
  await thrun.event('order_created', { order_id: 1 }, { source: 'thrun' });
  const shell = program('sh', '-G accounts').replace('accounts', 'others').replaceAll(ADDRESS, url);
  const said = [saying(consume, url), saying('sh', '-c', shell)];
  for (const text of said) await until(() => expect(text()).toContain('"payload":{"order_id":1}'), 20_000);
  expect(received).toHaveLength(1);
  await thrun.event('order_created', { order_id: 2 }, { source: 'thrun', format: 'cloudevents-binary' });
  for (const text of said) await until(() => expect(text()).toMatch(/ce_type=order_created.* {"order_id":2}/), 20_000);
});

test('kcat reads where it waits what is not due, once, and is told when it is', async () => {
  const { url, thrun } = await shop();
  const said = saying('sh', '-c', program('sh', '-G reminders').replaceAll(ADDRESS, url));
  const from = Date.now();
  await thrun.event('order_created', { order_id: 4 }, { source: 'thrun', delay: '1h' });
  const to = Date.now();
  await thrun.event('order_created', { order_id: 5 }, { source: 'thrun', delay: '2h' });
  await until(() => expect(said()).toContain('"order_id":5'), 20_000);
  const [due = ''] = /(?<=x-thrun-due=)\d+(?=.*"order_id":4)/.exec(said()) ?? [];
  expect(Number(due)).toBeGreaterThanOrEqual(from + HOUR_MS);
  expect(Number(due)).toBeLessThanOrEqual(to + HOUR_MS + 1);
  expect(said().match(/"order_id":4/g)).toHaveLength(1);
});
