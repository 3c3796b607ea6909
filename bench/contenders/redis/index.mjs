import { load } from '../build.mjs';

/** As in ../index.mjs; `url` names a Redis that is empty. */
const LOADERS = {
  'raw list': async () => (await import('./raw-list.mjs')).rawList,
  'thrun list': async ({ dist }) => (await import('./thrun.mjs')).thrunOn('redis-list')(await load(dist)),
  'raw streams': async () => (await import('./raw-streams.mjs')).rawStreams,
  'thrun streams': async ({ dist }) => (await import('./thrun.mjs')).thrunOn('redis-streams')(await load(dist)),
  BullMQ: async () => (await import('./bullmq.mjs')).bullmq,
  'bee-queue': async () => (await import('./bee-queue.mjs')).beeQueue,
};

export const CONTENDERS = Object.keys(LOADERS);
export const PEERS = ['BullMQ', 'bee-queue'];
/** Who is measured against which raw client. */
export const PAIRS = [
  ['thrun list', 'raw list'],
  ['thrun streams', 'raw streams'],
];

export function loadContender(name, builds) {
  return LOADERS[name](builds);
}
