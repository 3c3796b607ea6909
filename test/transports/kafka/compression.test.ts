import { execFile } from 'node:child_process';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { expect, onTestFinished, test } from 'vitest';
import { topicName } from '../../../src/transports/kafka/kafka-names.js';
import { JARS } from '../../brokers/kafka.js';
import { sharedKafka } from '../../brokers/shared.js';
import { goProgram } from './go.js';
import { acking, allReceived, consuming, message, opened, queueName, until } from './stage.js';

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
type Codec = (typeof CODECS)[number];

const { CompressionCodecs, CompressionTypes } = kafkajs;
const TYPES = {
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

const CONSOLE_PRODUCER = `${process.env.KAFKA_VERSION?.startsWith('3.') ? '' : 'org.apache.'}kafka.tools.ConsoleProducer`;

/** Together more than the blocks that codecs cut: 32 KiB in Java's snappy, 64 KiB in lz4, 128 KiB in zstd. */
const LINES = Array.from({ length: 400 }, (_, i) =>
  JSON.stringify({
    event: 'order_created',
    payload: { order_id: i, note: 'Grüße, 你好 🎉 '.repeat(i % 40), random: Math.random().toString(36) },
  }),
);
const LONG = JSON.stringify({ event: 'long', payload: Array.from({ length: 20_000 }, () => Math.random()) });

test.each(CODECS)('%s, by librdkafka', async (codec) => {
  await comesThrough(codec, (url, topic) => kcat(url, topic, codec));
});

test.each(CODECS)('%s, by Java', async (codec) => {
  await comesThrough(codec, (url, topic) => {
    const options = ['--bootstrap-server', url, '--topic', topic, '--compression-codec', codec];
    const batches = ['--batch-size', '300000', '--timeout', '200'];
    return fed('java', ['-cp', join(JARS, '*'), CONSOLE_PRODUCER, ...options, ...batches]);
  });
});

test('all of them by Go, and snappy where it is not told', { timeout: 240_000 }, async () => {
  const lines = await goProgram('./lines');
  for (const codec of CODECS) await comesThrough(codec, (url, topic) => fed(lines, [url, topic, codec]));
  await comesThrough('snappy', (url, topic) => fed(lines, [url, topic]));
});

test('gzip, by thrun where it is told to', async () => {
  const transport = await opened(await sharedKafka(), { compression: 'gzip' });
  const queue = queueName();
  const { consumer } = await consuming(transport, queue);
  const unpacked = watch('gzip');
  await transport.publish(
    queue,
    LINES.map((line) => message(line)),
  );
  await allReceived(LINES, acking(consumer), 20_000);
  // Each batch is packed once, and unpacked once.
  expect(unpacked.batches).toBeGreaterThanOrEqual(2);
});

/** Every event byte for byte, and they really were compressed. */
async function comesThrough(codec: Codec, produce: (url: string, topic: string) => Promise<void>): Promise<void> {
  const url = await sharedKafka();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer, degraded } = await consuming(transport, queue);
  const unpacked = watch(codec);
  await produce(url, topicName(queue));
  const received = acking(consumer);
  await until(() => expect(received.length).toBeGreaterThanOrEqual(LINES.length + 1), 20_000);
  expect(received.toSorted()).toEqual([...LINES, LONG].toSorted());
  expect(degraded()).toEqual([]);
  expect(unpacked.batches).toBeGreaterThan(0);
}

function kcat(url: string, topic: string, codec: Codec): Promise<void> {
  return fed('kcat', ['-P', '-b', url, '-t', topic, '-z', codec, '-X', 'linger.ms=200']);
}

function fed(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, (error) => (error ? reject(error) : resolve()));
    // One that ends before it has read all says why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(`${[...LINES, LONG].join('\n')}\n`);
  });
}

/** How many batches this codec was asked to unpack, until the test ends. */
function watch(codec: Codec): { readonly batches: number } {
  const type = TYPES[codec];
  const before = CompressionCodecs[type];
  const seen = { batches: 0 };
  CompressionCodecs[type] = () => {
    seen.batches++;
    return before();
  };
  onTestFinished(() => void (CompressionCodecs[type] = before));
  return seen;
}
