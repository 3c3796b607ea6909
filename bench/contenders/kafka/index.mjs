import { load } from '../build.mjs';

/** As in ../index.mjs; `url` names a Kafka, `queue` a name that is new there. All of them use a topic of four partitions. */
const LOADERS = {
  'raw kafkajs': async () => (await import('./raw.mjs')).raw,
  thrun: async ({ dist }) => (await import('./thrun.mjs')).thrun(await load(dist)),
  /** Another build of thrun, to see what a change does. */
  'thrun (other build)': async ({ other }) => (await import('./thrun.mjs')).thrun(await load(other)),
  NestJS: async () => (await import('./nestjs.mjs')).nestjs,
};

export const CONTENDERS = Object.keys(LOADERS);
export const PEERS = ['NestJS'];
/** Who is measured against which raw client. */
export const PAIRS = [['thrun', 'raw kafkajs']];

export function loadContender(name, builds) {
  return LOADERS[name](builds);
}
