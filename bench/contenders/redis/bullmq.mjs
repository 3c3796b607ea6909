import { Queue, Worker } from 'bullmq';
import { EVENT, envelope } from '../../payload.mjs';

const NAME = 'bench';
const KEEP_NOTHING = { removeOnComplete: true, attempts: 5 };

export const bullmq = {
  async open({ url, concurrency }) {
    const { hostname: host, port } = new URL(url);
    const connection = { host, port: Number(port) };
    const queue = new Queue(NAME, { connection, defaultJobOptions: KEEP_NOTHING });
    await queue.waitUntilReady();
    return {
      publish: (payload) => queue.add(EVENT, envelope(payload)),
      publishMany: (payloads) => queue.addBulk(payloads.map((payload) => ({ name: EVENT, data: envelope(payload) }))),
      work: async (handle) => {
        const worker = new Worker(NAME, ({ data }) => handle(data.payload), {
          connection: { ...connection, maxRetriesPerRequest: null },
          concurrency,
          removeOnComplete: { count: 0 },
        });
        return { stop: () => worker.close() };
      },
      close: () => queue.close(),
    };
  },
};
