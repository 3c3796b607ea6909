// Real input: GitHub's webhooks, one envelope a line, a third of them without meta. Published as they are, handled by a
// `github.*` listener in four processes: each one once, each payload equal, each body byte for byte.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = join(root, '..', 'shared', 'data', 'github-webhooks.ndjson');
const results = process.argv[2];
if (!existsSync(data)) {
  console.error(`${data} is not there: without it this step has nothing to check`);
  process.exit(1);
}

const project = mkdtempSync(join(tmpdir(), 'thrun-webhooks-'));
try {
  mkdirSync(join(project, 'listeners'));
  mkdirSync(join(project, 'node_modules'));
  mkdirSync(join(project, 'handled'));
  symlinkSync(root, join(project, 'node_modules', 'thrun'));
  writeFileSync(join(project, 'package.json'), '{"name":"webhooks","type":"module"}');
  writeFileSync(
    join(project, 'listeners', 'github.ts'),
    `import { appendFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { type EventContext, ThrunEventListener } from 'thrun';
const sha = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
@ThrunEventListener('github.*')
export class GithubListener {
  async handle(payload: unknown, context: EventContext) {
    const line = JSON.stringify([context.event, context.meta.event_id, sha(context.body), sha(JSON.stringify(payload)), context.attempt]);
    appendFileSync(\`handled/\${process.pid}.ndjson\`, line + '\\n');
    // Long enough for the others to have their share.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
`,
  );
  const thrun = (...args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin', 'thrun.js'), ...args], {
      cwd: project,
      encoding: 'utf8',
    });
    assert.equal(status, 0, `thrun ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
    return stdout;
  };
  thrun('discover');
  const { published } = JSON.parse(thrun('publish', '--ndjson', '--file', data, '--json'));
  // Few at a time, so that no process takes all there is before the others are up.
  thrun('work', '--processes', '4', '--concurrency', '2', '--stop-when-empty');

  const sha = (text) => createHash('sha256').update(text).digest('hex');
  const sent = readFileSync(data, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const files = readdirSync(join(project, 'handled'));
  const handled = files.flatMap((file) =>
    readFileSync(join(project, 'handled', file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
  assert.equal(published, sent.length);
  const shares = files.map(
    (file) =>
      readFileSync(join(project, 'handled', file), 'utf8')
        .trim()
        .split('\n').length,
  );
  assert.ok(shares.length > 1, 'one process did it all');
  const key = ([event, , body, payload]) => `${event} ${body} ${payload}`;
  const expected = sent.map((line) => {
    const envelope = JSON.parse(line);
    return key([envelope.event, '', sha(line), sha(JSON.stringify(envelope.payload))]);
  });
  assert.deepEqual(handled.map(key).sort(), expected.sort());
  const ids = new Map(
    sent.flatMap((line) => (JSON.parse(line).meta?.event_id ? [[sha(line), JSON.parse(line).meta.event_id]] : [])),
  );
  for (const [, id, body] of handled) assert.equal(id, ids.get(body) ?? id);
  assert.equal(new Set(handled.map(([, id]) => id)).size, new Set(sent).size);
  assert.ok(handled.every(([, , , , attempt]) => attempt === 1));
  console.log(
    `${sent.length} events, ${new Set(handled.map(([event]) => event)).size} names, ${sent.length - ids.size} without an id of their own: each handled once, byte for byte, in ${shares.length} processes (${shares.join(', ')})`,
  );
  if (results) writeFileSync(join(results, 'webhooks.json'), JSON.stringify({ numPassedTests: 1, numFailedTests: 0 }));
} finally {
  rmSync(project, { recursive: true, force: true });
}
