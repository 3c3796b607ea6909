import { join } from 'node:path';

const PLACES = {
  redis: ({ url }) => ({ transport: 'redis-list', transports: { redis: { url } }, batches: { store: 'redis' } }),
  sqlite: ({ folder }) => ({
    transport: 'sqlite',
    transports: { sqlite: { path: join(folder, 'thrun.db') } },
    batches: { store: 'sqlite', sqlite: { path: join(folder, 'batches.db') } },
  }),
};

/** Through the public API. A batch is done when the listener of its `then` event has run. */
export const thrun = ({ createThrun, ThrunJob }, place) => ({
  async open(where) {
    const app = await createThrun({
      group: 'bench',
      logLevel: 'silent',
      worker: { concurrency: 100 },
      ...PLACES[place](where),
    });
    class Step {
      handle() {
        return { done: true };
      }
    }
    ThrunJob('step')(Step);
    app.subscribe(Step);
    let onDone;
    app.subscribe('batch.done', () => onDone());
    await app.work();
    const jobs = (count) => Array.from({ length: count }, (_, n) => ({ event: 'step', payload: { n } }));
    return {
      onDone: (listener) => (onDone = listener),
      parallel: (count) => app.batch(jobs(count)).parallel().then('batch.done').dispatch(),
      sequential: (count) => app.batch(jobs(count)).then('batch.done').dispatch(),
      close: () => app.close(),
    };
  },
});
