import { FlowProducer, Worker } from 'bullmq';

/** A flow as its documentation says: the parent waits for its children; a chain is children of children. */
export const bullmq = {
  async open({ url }) {
    const connection = { url, maxRetriesPerRequest: null };
    const flows = new FlowProducer({ connection });
    let onDone;
    const options = { connection, concurrency: 100 };
    const workers = [
      new Worker('steps', async () => ({ done: true }), options),
      new Worker('batches', async () => onDone(), options),
    ];
    await Promise.all([flows, ...workers].map((one) => one.waitUntilReady()));
    const step = (n, children) => ({ name: 'step', queueName: 'steps', data: { n }, ...(children && { children }) });
    const add = (children) => flows.add({ name: 'batch', queueName: 'batches', data: {}, children });
    return {
      onDone: (listener) => (onDone = listener),
      parallel: (count) => add(Array.from({ length: count }, (_, n) => step(n))),
      sequential: (count) => {
        let chain = step(0);
        for (let n = 1; n < count; n++) chain = step(n, [chain]);
        return add([chain]);
      },
      close: async () => {
        await Promise.all(workers.map((worker) => worker.close()));
        await flows.close();
      },
    };
  },
};
