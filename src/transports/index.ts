import { ThrunError } from '../contracts/errors.js';
import type { Transport } from '../contracts/transport.js';
import type { KafkaOptions } from './kafka/kafka-options.js';
import type { RabbitmqOptions } from './rabbitmq/rabbitmq-options.js';
import type { RedisStreamsOptions } from './redis-streams/redis-streams-options.js';
import type { SqliteOptions } from './sqlite/sqlite-options.js';

/** Options of every transport, by name. */
export interface TransportSettings {
  readonly sqlite: SqliteOptions;
  /** Of both transports over Redis. */
  readonly redis: RedisStreamsOptions;
  readonly rabbitmq: RabbitmqOptions;
  readonly kafka: KafkaOptions;
}

/** The one place that knows the transports. Each is loaded when it is first used: its client costs memory and time. */
const LOADERS: Readonly<Record<string, (settings: TransportSettings) => Promise<Transport>>> = {
  kafka: async (settings) => new (await import('./kafka/kafka-transport.js')).KafkaTransport(settings.kafka),
  memory: async () => new (await import('./memory/memory-transport.js')).MemoryTransport(),
  rabbitmq: async (settings) =>
    new (await import('./rabbitmq/rabbitmq-transport.js')).RabbitmqTransport(settings.rabbitmq),
  'redis-list': async (settings) =>
    new (await import('./redis-list/redis-list-transport.js')).RedisListTransport(settings.redis),
  'redis-streams': async (settings) =>
    new (await import('./redis-streams/redis-streams-transport.js')).RedisStreamsTransport(settings.redis),
  sqlite: async (settings) => new (await import('./sqlite/sqlite-transport.js')).SqliteTransport(settings.sqlite),
};

/** @throws {ThrunError} THRUN_TRANSPORT_UNKNOWN */
export async function loadTransport(name: string, settings: TransportSettings): Promise<Transport> {
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
  if (!load) throw new ThrunError('THRUN_TRANSPORT_UNKNOWN', [JSON.stringify(name), Object.keys(LOADERS).join(', ')]);
  return load(settings);
}

/** What a config says of transports: a name, or one that was made. */
interface Configured {
  readonly transport: string | Transport;
  readonly routes: readonly { readonly transport?: string | Transport }[];
  readonly transports: TransportSettings;
}

/**
 * The transport of this name: one that the config holds as an object, else one of thrun's own.
 * @throws {ThrunError} THRUN_TRANSPORT_UNKNOWN
 */
export async function configuredTransport(name: string, config: Configured): Promise<Transport> {
  const given = [config.transport, ...config.routes.map(({ transport }) => transport)].find(
    (one) => typeof one === 'object' && one.name === name,
  );
  return typeof given === 'object' ? given : loadTransport(name, config.transports);
}
