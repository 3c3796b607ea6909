import { load } from './build.mjs';

/**
 * @typedef {object} Contender One queue, used as its own documentation says.
 * @property {(options: { folder: string, durability: 'normal' | 'full', role: 'publisher' | 'worker', concurrency: number }) => Promise<Open>} open
 *   Opens the file in the folder. Nothing of this is timed.
 *
 * @typedef {object} Open
 * @property {(payload: object) => unknown} publish One event; awaited before the next.
 * @property {(payload: object) => Promise<unknown>} [publishTogether] One event while others are in flight, where that is done differently.
 * @property {(payloads: object[]) => unknown} publishMany
 * @property {(handle: (payload: object) => Promise<void>) => Promise<{ stop(): Promise<void> }>} work
 *   Starts handling. `stop` resolves once everything handled is settled in the file.
 * @property {() => unknown} close
 */

/** Those that poll do so this often: the least that leaves a machine with something else to do. */
export const POLL_MS = 10;

const LOADERS = {
  raw: async ({ dist }) => (await import('./raw.mjs')).raw((await load(dist, 'sqlite/driver.js')).openDatabase),
  'raw better-sqlite3': async () => {
    const { default: Database } = await import('better-sqlite3-12');
    return (await import('./raw.mjs')).raw((path) => new Database(path));
  },
  thrun: async ({ dist }) => (await import('./thrun.mjs')).thrun(await load(dist)),
  /** Another build of thrun, to see what a change does. */
  'thrun (other build)': async ({ other }) => (await import('./thrun.mjs')).thrun(await load(other)),
  plainjob: async () => (await import('./plainjob.mjs')).plainjob,
  liteque: async () => (await import('./liteque.mjs')).liteque,
};

export const CONTENDERS = Object.keys(LOADERS);
export const PEERS = ['plainjob', 'liteque'];

/** @returns {Promise<Contender>} */
export function loadContender(name, builds) {
  return LOADERS[name](builds);
}
