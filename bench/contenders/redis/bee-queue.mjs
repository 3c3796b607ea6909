import BeeQueue from 'bee-queue';
import { EVENT, envelope } from '../../payload.mjs';

/** Without what it can do beyond: events to the publisher, delayed jobs, kept jobs. */
const LEAN = {
  getEvents: false,
  sendEvents: false,
  storeJobs: false,
  activateDelayedJobs: false,
  removeOnSuccess: true,
};

export const beeQueue = {
  async open({ url, role, concurrency }) {
    const queue = new BeeQueue(EVENT, { ...LEAN, redis: { url }, isWorker: role === 'worker' });
    await queue.ready();
    const job = (payload) => queue.createJob(envelope(payload)).retries(5);
    return {
      publish: (payload) => job(payload).save(),
      publishMany: (payloads) => queue.saveAll(payloads.map(job)),
      work: async (handle) => {
        queue.process(concurrency, ({ data }) => handle(data.payload));
        return { stop: () => queue.close(30_000) };
      },
      close: () => (role === 'worker' ? undefined : queue.close()),
    };
  },
};
