import { join } from 'node:path';
import Database from 'better-sqlite3-12';
import { better, defineQueue, defineWorker } from 'plainjob';
import { EVENT, envelope } from '../payload.mjs';
import { POLL_MS } from './index.mjs';

const quiet = { debug() {}, info() {}, warn() {}, error: console.error };

/** One of its workers runs one job at a time: concurrency 100 is a hundred workers on one queue. */
export const plainjob = {
  async open({ folder, durability, concurrency }) {
    const database = new Database(join(folder, 'plainjob.db'));
    const queue = defineQueue({ connection: better(database), logger: quiet });
    database.pragma(`synchronous = ${durability}`);
    return {
      publish: (payload) => queue.add(EVENT, envelope(payload)),
      publishMany: (payloads) => queue.addMany(EVENT, payloads.map(envelope)),
      work: async (handle) => {
        const run = async ({ data }) => handle(JSON.parse(data).payload);
        const options = { queue, logger: quiet, pollIntervall: POLL_MS };
        const workers = Array.from({ length: concurrency }, () => defineWorker(EVENT, run, options));
        const running = workers.map((worker) => worker.start());
        return {
          stop: async () => {
            await Promise.all(workers.map((worker) => worker.stop()));
            await Promise.all(running);
          },
        };
      },
      close: () => queue.close(),
    };
  },
};
