import { EVENT } from '../../payload.mjs';

/** Through the public API, with everything a user gets. */
export const thrun = ({ createThrun }, transport) => ({
  async open({ url, concurrency }) {
    const app = await createThrun({
      group: 'bench',
      source: 'bench',
      transport,
      transports: { redis: { url } },
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
