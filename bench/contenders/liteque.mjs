import { join } from 'node:path';
import { buildDBClient, Runner, SqliteQueue } from 'liteque';
import { EVENT, envelope } from '../payload.mjs';
import { POLL_MS } from './index.mjs';

export const liteque = {
  async open({ folder, durability, concurrency }) {
    const client = buildDBClient(join(folder, 'liteque.db'), { runMigrations: true });
    const database = client.session.client;
    database.pragma(`synchronous = ${durability}`);
    const queue = new SqliteQueue(EVENT, client, { defaultJobArgs: { numRetries: 3 }, keepFailedJobs: true });
    return {
      publish: (payload) => queue.enqueue(envelope(payload)),
      // It has no call for many. Its connection is given one transaction for them, to its advantage.
      publishMany: async (payloads) => {
        database.exec('BEGIN IMMEDIATE');
        await Promise.all(payloads.map((payload) => queue.enqueue(envelope(payload))));
        database.exec('COMMIT');
      },
      work: async (handle) => {
        const runner = new Runner(
          queue,
          { run: ({ data }) => handle(data.payload), onError: async ({ error }) => console.error(error) },
          { concurrency, pollIntervalMs: POLL_MS, timeoutSecs: 60 },
        );
        const running = runner.run();
        return {
          stop: () => {
            runner.stop();
            return running;
          },
        };
      },
      close: () => database.close(),
    };
  },
};
