import type { BatchStore } from '../../contracts/batch-store.js';
import { ThrunError } from '../../contracts/errors.js';
import type { RedisStoreOptions } from './redis/redis-store.js';
import type { SqliteStoreOptions } from './sqlite/sqlite-store.js';

/** Options of every store, by name. */
export interface StoreSettings {
  readonly sqlite: SqliteStoreOptions;
  readonly redis: RedisStoreOptions;
}

/** The one place that knows the stores. Each is loaded when it is first used. */
const LOADERS: Readonly<Record<string, (settings: StoreSettings) => Promise<BatchStore>>> = {
  sqlite: async (settings) => new (await import('./sqlite/sqlite-store.js')).SqliteStore(settings.sqlite),
  redis: async (settings) => new (await import('./redis/redis-store.js')).RedisStore(settings.redis),
};

/** @throws {ThrunError} THRUN_STORE_UNAVAILABLE */
export async function loadStore(name: string, settings: StoreSettings): Promise<BatchStore> {
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
  if (!load) {
    throw new ThrunError('THRUN_STORE_UNAVAILABLE', [
      name,
      `there is none of this name; known: ${Object.keys(LOADERS).join(', ')}`,
    ]);
  }
  return load(settings);
}

/** How the store that a config names, or holds as an object, is had; undefined where it wants none. */
export function configuredStore(
  settings: StoreSettings & { readonly store: string | BatchStore | undefined },
): (() => Promise<BatchStore>) | undefined {
  const { store } = settings;
  if (store === undefined) return undefined;
  return async () => (typeof store === 'string' ? loadStore(store, settings) : store);
}
