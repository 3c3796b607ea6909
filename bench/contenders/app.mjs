import { EVENT } from '../payload.mjs';

/**
 * thrun through its public API, with everything a user gets. `configOf` says where; `prepare` does what a contender is given
 * before it is measured.
 */
export const appOn =
  (configOf, prepare = async () => undefined) =>
  ({ createThrun }) => ({
    async open(job) {
      const app = await createThrun({
        group: 'bench',
        source: 'bench',
        worker: { concurrency: job.concurrency },
        logLevel: 'silent',
        ...configOf(job),
      });
      await prepare(await app.transport(), job);
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

/** What a group does once in its life, and not in each run of a worker: its queues are made when it first consumes. */
export async function hasConsumed(transport, job) {
  if (job.role === 'publisher') await consumeOnce(transport, job);
}

export async function consumeOnce(transport, { queue }) {
  const consumer = await transport.consume({ queue, group: 'bench', visibilityMs: 30_000, onNotice() {} });
  await consumer.close();
}
