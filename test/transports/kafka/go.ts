import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { REPOSITORY } from '../../support/build.js';

export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'thrun-foreign-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A program in Go, from the folder of those that speak to Kafka. The first time its client is fetched and compiled. */
export async function goProgram(source: string, prepare: (folder: string) => void = () => undefined): Promise<string> {
  const made = folder();
  cpSync(join(REPOSITORY, 'test/end-to-end/producers/kafka'), made, { recursive: true });
  prepare(made);
  await promisify(execFile)('go', ['build', '-o', 'program', source], { cwd: made });
  return join(made, 'program');
}
