import { EVENT } from '../../payload.mjs';
import { kafkaAt, makeTopic } from './topic.mjs';

/** Through the public API, with everything a user gets. */
export const thrun = ({ createThrun }) => ({
  async open({ url, queue, concurrency, role }) {
    await makeTopic(kafkaAt(url), queue);
    const app = await createThrun({
      group: 'bench',
      source: 'bench',
      queue,
      transport: 'kafka',
      transports: { kafka: { brokers: [url] } },
      worker: { concurrency },
      logLevel: 'silent',
    });
    const transport = await app.transport();
    // Topics of the group's own are made when it first consumes: once in its life, and not in each run of a worker.
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
