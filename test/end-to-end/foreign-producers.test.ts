import { execFile } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/driver.js';
import { REPOSITORY } from '../support/build.js';
import { shownIn } from '../support/docs.js';
import type { Command } from '../support/command.js';
import { Project } from './project.js';

/**
 * The programs of docs/sqlite.md, as they stand there, in their own languages with their own drivers, against a real
 * worker. scripts/test.mjs installs the languages; one that is missing makes its test fail.
 */
const run = promisify(execFile);

let project: Project;
let worker: Command;

beforeAll(async () => {
  project = new Project(
    `@ThrunEventListener('order_created')
     export class OrderCreated {
       handle(payload: unknown, context: EventContext) {
         ledger(context, { payload, source: context.meta.source, body: Buffer.from(context.body).toString() });
       }
     }`,
    `{ group: 'e2e' }`,
  );
  worker = project.start('work');
  await worker.says('is ready');
});

afterAll(async () => {
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
  await project.dispose();
});

function program(language: string): string {
  return shownIn('docs/sqlite.md', language)[0] ?? '';
}

/** What the worker was handed from this source, once it was. */
async function handledFrom(source: string, count: number): Promise<readonly object[]> {
  const own = () => project.handled().filter((line) => (line as { source?: string }).source === source);
  await project.until(`${count} from ${source}`, () => own().length >= count);
  return own();
}

const PAYLOAD = { order_id: 123 };

test('PHP, with PDO', async () => {
  project.write('publish.php', program('php'));
  await run('php', [join(project.folder, 'publish.php'), project.database]);
  expect(await handledFrom('php', 1)).toMatchObject([
    {
      payload: PAYLOAD,
      attempt: 1,
      body: '{"event":"order_created","payload":{"order_id":123},"meta":{"source":"php"}}',
    },
  ]);
});

test('Python, with its own sqlite3', async () => {
  project.write('publish.py', program('python'));
  await run('python3', [join(project.folder, 'publish.py'), project.database]);
  expect(await handledFrom('python', 1)).toMatchObject([
    {
      payload: PAYLOAD,
      attempt: 1,
      body: '{"event": "order_created", "payload": {"order_id": 123}, "meta": {"source": "python"}}',
    },
  ]);
});

// The first time the driver, which is SQLite translated to Go, is fetched and compiled.
test('Go, with a driver in pure Go', { timeout: 240_000 }, async () => {
  const folder = join(project.folder, 'producer');
  mkdirSync(folder);
  cpSync(join(REPOSITORY, 'test', 'end-to-end', 'producers'), folder, { recursive: true });
  project.write('producer/main.go', program('go'));
  await run('go', ['build', '-o', 'publish', '.'], { cwd: folder });
  await run(join(folder, 'publish'), [project.database]);
  expect(await handledFrom('go', 1)).toMatchObject([
    {
      payload: PAYLOAD,
      attempt: 1,
      body: '{"event":"order_created","meta":{"source":"go"},"payload":{"order_id":123}}',
    },
  ]);
});

test('an old SQLite that leaves checkpoints to thrun, beside processes that write all the time', async () => {
  // A hundred transactions each, while this process publishes and the worker acknowledges.
  const many = program('python')
    .replace('"source": "python"', '"source": "many"')
    .replace('timeout=10', 'timeout=60')
    .replace(/^with db:.*\n(?: .*\n)+/m, (body) => `for _ in range(100):\n${body.replace(/^/gm, '    ')}\n`);
  expect(many).toContain('range(100)');
  project.write('many.py', many);
  const thrun = await project.publisher();
  let publishing = true;
  const own = (async () => {
    let count = 0;
    for (; publishing; count++) await thrun.event('order_created', PAYLOAD, { source: 'thrun' });
    return count;
  })();
  const file = join(project.folder, 'many.py');
  await Promise.all([1, 2].map(() => run('python3', [file, project.database])));
  publishing = false;
  expect(await handledFrom('many', 200)).toHaveLength(200);
  expect(await handledFrom('thrun', await own)).toHaveLength(await own);
  const database = await openDatabase(project.database);
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  database.close();
});
