// The broker that the Kafka tests start: Apache's own, as jars from Maven's repository. Fetched once, before the tests. With
// KAFKA_VERSION=3.9.2 it is of that version instead of the one in the list of jars.
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, run } from './prepare.mjs';

const { KAFKA_VERSION: version } = process.env;
const JARS = join(root, 'node_modules', '.cache', version ? `thrun-kafka-${version}` : 'thrun-kafka');
const POM = join(root, 'test', 'brokers', 'kafka', 'pom.xml');

/** Fetches the jars where they are missing, or older than the list of them. */
export function ensureKafka() {
  if (existsSync(JARS) && statSync(JARS).mtimeMs >= statSync(POM).mtimeMs) return;
  console.error('fetching Kafka …');
  mkdirSync(dirname(JARS), { recursive: true });
  // Beside it first: half of the jars are no broker.
  const draft = `${JARS}-${process.pid}`;
  try {
    const args = ['-B', '-q', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${draft}`];
    run('mvn', version ? [...args, `-Dkafka.version=${version}`] : args, { stdio: ['ignore', 2, 2] });
    rmSync(JARS, { recursive: true, force: true });
    renameSync(draft, JARS);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
