import { appOn, hasConsumed } from '../app.mjs';
import { kafkaAt, makeTopic } from './topic.mjs';

export const thrun = appOn(
  ({ url, queue }) => ({ queue, transport: 'kafka', transports: { kafka: { brokers: [url] } } }),
  async (transport, job) => {
    await makeTopic(kafkaAt(job.url), job.queue);
    await hasConsumed(transport, job);
  },
);
