import { EVENT } from '../../payload.mjs';

/** Through the public API, with everything a user gets. */
export const thrun = ({ createThrun }) => ({
  async open({ url, queue, concurrency, role }) {
    const app = await createThrun({
      group: 'bench',
      source: 'bench',
      queue,
      transport: 'rabbitmq',
      transports: { rabbitmq: { url } },
      worker: { concurrency },
      logLevel: 'silent',
    });
    const transport = await app.transport();
    // The others publish to their queue from the start; here a group has to have consumed once.
    if (role === 'publisher') {
      const consumer = await transport.consume({ queue, group: 'bench', visibilityMs: 30_000, onNotice() {} });
      await consumer.close();
    }
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
