import { join } from 'node:path';
import { EVENT } from '../payload.mjs';

/** Through the public API, with everything a user gets. */
export const thrun = ({ createThrun }) => ({
  async open({ folder, durability, concurrency }) {
    const app = await createThrun({
      group: 'bench',
      source: 'bench',
      transport: 'sqlite',
      transports: { sqlite: { path: join(folder, 'thrun.db'), durability } },
      worker: { concurrency },
      logLevel: 'silent',
    });
    await app.transport();
    return {
      publish: (payload) => app.event(EVENT, payload),
      publishMany: (payloads) => app.events(payloads.map((payload) => ({ event: EVENT, payload }))),
      work: (handle) => {
        app.subscribe(EVENT, handle);
        return app.work();
      },
      close: () => app.close(),
    };
  },
});
