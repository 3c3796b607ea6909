import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../brokers/redis.js';
import { REPOSITORY } from '../support/build.js';
import type { Command } from '../support/command.js';
import { shownIn } from '../support/docs.js';
import { Project } from './project.js';

/** examples/three-languages, as it stands there: a worker in TypeScript, one in PHP, one in Go, over a real Redis. */
const EXAMPLE = join(REPOSITORY, 'examples', 'three-languages');

let redis: RedisServer;
let project: Project;
let workers: { readonly typescript: Command; readonly php: Command; readonly go: Command };

beforeAll(async () => {
  redis = await startRedis();
  project = new Project('', '{}', { environment: { REDIS_URL: redis.url } });
  cpSync(EXAMPLE, project.folder, { recursive: true });
  execFileSync('go', ['build', '-o', 'worker', '.'], { cwd: join(project.folder, 'go'), stdio: ['ignore', 2, 2] });
  workers = {
    typescript: project.start('work'),
    php: project.startProgram('php', 'php/worker.php'),
    go: project.startProgram(join(project.folder, 'go', 'worker')),
  };
  await workers.typescript.says('is ready');
}, 240_000);

afterAll(async () => {
  workers.typescript.kill('SIGTERM');
  expect((await workers.typescript.ended).code).toBe(0);
  await project.dispose();
  await redis.dispose();
});

interface Status {
  readonly status: string;
  readonly jobs: readonly { readonly event: string; readonly status: string; readonly error?: string }[];
}

function start(file: string): string {
  const { code, stdout, stderr } = project.run('batch', 'start', file);
  expect(`${code}${stderr.includes('rror') ? stderr : ''}`).toBe('0');
  return stdout.trim().split('\n').at(-1) ?? '';
}

function statusOf(id: string): Status {
  return JSON.parse(project.run('batch', 'status', id, '--json').stdout) as Status;
}

function speakerOf(line: string): keyof typeof workers {
  return line.includes(' PHP ') ? 'php' : line.includes(' Go ') ? 'go' : 'typescript';
}

describe('a batch in three languages', () => {
  test('what each returned is what the next one gets: TypeScript, PHP, Go, TypeScript', async () => {
    const id = start('order.json');
    // Each says what the README shows of it.
    const [text = ''] = shownIn('examples/three-languages/README.md', 'text');
    const shown = text.trimEnd().split('\n');
    expect(shown).toHaveLength(5);
    for (const line of shown) await workers[speakerOf(line)].says(line);
    expect(statusOf(id)).toMatchObject({
      status: 'succeeded',
      jobs: ['price', 'reserve', 'ship', 'thank'].map((event) => ({ event, status: 'succeeded' })),
    });
  });

  test('a failure in PHP fails the job, with what PHP said, and Go is not asked', async () => {
    const order = readFileSync(join(EXAMPLE, 'order.json'), 'utf8');
    project.write('sold-out.json', order.replace('["A1", "B7"]', '[]'));
    const id = start('sold-out.json');
    await workers.typescript.says('order.finished: failed, 1 of 4, no shelf has it');
    const { status, jobs } = statusOf(id);
    expect(status).toBe('failed');
    expect(jobs.map((job) => job.status)).toEqual(['succeeded', 'failed', 'skipped', 'skipped']);
    expect(jobs[1]?.error).toContain('no shelf has it');
    expect(workers.go.stdout.match(/^ship/gm)).toHaveLength(1);
  });
});
