import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

/**
 * What the tests start their brokers with (test/brokers): each has ports and a folder of its own, and is gone when this
 * process is. It is TypeScript, which not every Node here can read.
 */
export async function testBroker(name) {
  const file = fileURLToPath(new URL(`../test/brokers/${name}.ts`, import.meta.url));
  const { module } = await runnerImport(file);
  return module;
}
