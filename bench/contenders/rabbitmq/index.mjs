import { load } from '../build.mjs';

/** As in ../index.mjs; `url` names a RabbitMQ, `queue` a name that is new there. All of them use a quorum queue. */
const LOADERS = {
  'raw amqplib': async () => (await import('./raw.mjs')).raw,
  'raw, mandatory': async () => (await import('./raw.mjs')).rawMandatory,
  thrun: async ({ dist }) => (await import('./thrun.mjs')).thrun(await load(dist)),
  /** Another build of thrun, to see what a change does. */
  'thrun (other build)': async ({ other }) => (await import('./thrun.mjs')).thrun(await load(other)),
  rascal: async () => (await import('./rascal.mjs')).rascal,
  NestJS: async () => (await import('./nestjs.mjs')).nestjs,
};

export const CONTENDERS = Object.keys(LOADERS);
export const PEERS = ['rascal', 'NestJS'];
/** Who is measured against which raw client. */
export const PAIRS = [['thrun', 'raw amqplib']];

export function loadContender(name, builds) {
  return LOADERS[name](builds);
}
