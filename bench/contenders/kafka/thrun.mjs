import { EVENT } from '../../payload.mjs';
import { kafkaAt, makeTopic } from './topic.mjs';

/** Through the public API, with everything a user gets. */
export const thrun = ({ createThrun }) => ({
  async open({ url, queue, concurrency }) {
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
