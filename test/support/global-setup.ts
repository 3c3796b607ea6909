import { shareBrokers } from '../brokers/shared.js';
import { buildPackage } from './build.js';

/** Once per run, before the first test: projects in tests import `thrun` by name, so it has to be built. */
export default async function setup(): Promise<() => Promise<void>> {
  await buildPackage();
  return shareBrokers();
}
