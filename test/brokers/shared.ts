import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker } from './broker.js';
import { startKafka } from './kafka.js';
import { startRabbitmq } from './rabbitmq.js';

/** Brokers that take seconds to start: one of each for all test files, and who has one anyway can name it. */
const SHARED = {
  rabbitmq: { start: () => startRabbitmq(), variable: 'AMQP_URL' },
  kafka: { start: () => startKafka(), variable: 'KAFKA_BROKERS' },
} as const satisfies Record<string, { start: () => Promise<Broker>; variable: string }>;

type Name = keyof typeof SHARED;

/** A server that tests only talk to, in queues of their own: the one of AMQP_URL, else one that all test files share. */
export function sharedRabbitmq(): Promise<string> {
  return shared('rabbitmq');
}

/** The same for topics: the broker of KAFKA_BROKERS, else one that all test files share. @returns `host:port` */
export function sharedKafka(): Promise<string> {
  return shared('kafka');
}

/**
 * Test files run in processes of their own, so they ask for a broker's URL at a socket; the first one has it started.
 * The returned function ends them all.
 */
export async function shareBrokers(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-brokers-'));
  const path = join(folder, 'socket');
  const started = new Map<string, Promise<Broker>>();
  const server = createServer((socket) => void answer(socket, started));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  process.env.THRUN_TEST_BROKERS = path;
  return async () => {
    server.close();
    // One that could not be started has told who asked for it.
    for (const starting of started.values()) await (await starting.catch(() => undefined))?.dispose();
    await rm(folder, { recursive: true, force: true });
  };
}

async function answer(socket: Socket, started: Map<string, Promise<Broker>>): Promise<void> {
  socket.on('error', () => undefined);
  const name = await new Promise<Name>((resolve) => socket.once('data', (chunk) => resolve(String(chunk) as Name)));
  const starting = started.get(name) ?? SHARED[name].start();
  started.set(name, starting);
  const said = await starting.then(
    ({ url }) => ({ url }),
    (error: unknown) => ({ error: String(error) }),
  );
  socket.end(JSON.stringify(said));
}

async function shared(name: Name): Promise<string> {
  const named = process.env[SHARED[name].variable];
  if (named) return named;
  const path = process.env.THRUN_TEST_BROKERS;
  if (!path) throw new Error('the tests were started without their global setup');
  const said = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect(path, () => socket.write(name));
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => (text += String(chunk)));
    socket.on('end', () => resolve(text));
  });
  const { url, error } = JSON.parse(said) as { readonly url?: string; readonly error?: string };
  if (url === undefined) throw new Error(error);
  return url;
}
