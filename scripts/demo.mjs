// `npm run demo`: thrun does its whole job on this machine, with nothing but Node. Every step is the real command line.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, root } from './prepare.mjs';

install();
build();

const folder = join(root, '.thrun', 'demo');
rmSync(folder, { recursive: true, force: true });
const env = { ...process.env, THRUN_SQLITE_PATH: join(folder, 'demo.db'), THRUN_LOG_LEVEL: 'warn', NO_COLOR: '1' };
const thrun = join(root, 'bin', 'thrun.js');

/** Runs a command of thrun and gives back the last document it printed. What the worker says is read meanwhile. */
async function command(args, input = '') {
  const child = spawn(process.execPath, [thrun, ...args, '--json'], { cwd: root, env });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  child.stdin.end(input);
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`thrun ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout === '' ? undefined : JSON.parse(stdout.trim().split('\n').at(-1));
}

function step(text) {
  console.log(`\n── ${text}`);
}

step('thrun discover: which listeners are there?');
const { contracts, batches } = await command(['discover']);
for (const { contract, kind = 'batch', class: name, file, line } of [...contracts, ...batches]) {
  console.log(`   ${contract.padEnd(17)} ${kind.padEnd(8)} ${name.padEnd(22)} ${file}:${line}`);
}

step('thrun work --processes 2: start consuming');
const worker = spawn(process.execPath, [thrun, 'work', '--processes', '2', '--json'], {
  cwd: root,
  env,
  stdio: ['ignore', 'pipe', 'pipe'],
});
let summary = '';
let news = '';
worker.stdout.on('data', (chunk) => (summary += chunk));
worker.stderr.on('data', (chunk) => (news += chunk));
const ended = once(worker, 'close');

step('thrun publish: events as other programs would send them');
const published = [];
const say = async (args) => {
  const { event_id } = await command(['publish', ...args]);
  published.push(event_id);
  console.log(
    `   thrun publish ${args.map((arg) => (/[^\w.-]/.test(arg) ? `'${arg}'` : arg)).join(' ')}\n     → ${event_id}`,
  );
};
await say(['order_created', '{"order_id":123}', '--source', 'php']);
await say(['user_created', '{"userId":1,"email":"busy@example.com"}']);
await say(['create_payment', '{"orderId":124,"card":"stolen"}']);

// And a few hundred more as one file of envelopes, most of them without meta: what a Go or PHP program writes.
const lines = ['{"event":"go_message","payload":{"text":"hello from Go"}}'];
for (let i = 0; i < 100; i++) {
  lines.push(JSON.stringify({ event: 'order_created', payload: { order_id: 1000 + i }, meta: { source: 'php' } }));
  lines.push(JSON.stringify({ event: 'create_payment', payload: { orderId: 1000 + i, card: 'visa' } }));
  lines.push(JSON.stringify({ event: 'go_message', payload: { text: `message ${i}` } }));
  if (i % 5 === 0)
    lines.push(JSON.stringify({ event: 'user_created', payload: { userId: i, email: `user${i}@example.com` } }));
}
const bulk = await command(['publish', '--ndjson', '-'], lines.join('\n'));
console.log(`   thrun publish --ndjson -   (${lines.length} envelopes)\n     → ${bulk.published} published`);

step('thrun batch: jobs that belong together; payment first, stock and invoice beside each other, the mail last');
const { batch_id } = await command(['batch', 'start', 'order', '{"orderId":7}']);
console.log(`   thrun batch start order '{"orderId":7}'\n     → ${batch_id}`);
const batch = await command(['batch', 'status', batch_id, '--watch']);
console.log(`   thrun batch status ${batch_id} --watch`);
for (const job of batch.jobs) console.log(`     ${job.event.padEnd(17)} ${job.status}, attempt ${job.attempts}`);

step('waiting until nothing is left: handled, retried or given up');
const deadline = Date.now() + 60_000;
for (;;) {
  const queues = await command(['queues']);
  if (queues.length > 0 && queues.every((queue) => queue.depth + queue.in_flight + queue.delayed === 0)) break;
  if (Date.now() > deadline) throw new Error(`not done within a minute:\n${JSON.stringify(queues)}\n${news}`);
}

step('SIGTERM: drain and stop');
worker.kill('SIGTERM');
const [code] = await ended;
if (code !== 0) throw new Error(`thrun work ended with ${code}\n${news}`);
const totals = JSON.parse(summary.trim().split('\n').at(-1));

step('what the worker had to say');
const said = news.split('\n').filter((text) => /trying again|dead letter/.test(text));
for (const line of said) {
  const { msg, listener, attempt, error } = JSON.parse(line);
  console.log(`   ${msg}: ${listener}, attempt ${attempt}: ${error}`);
}

step('what a listener to order.* heard of the batch');
const heard = news.split('\n').filter((line) => line.startsWith('order.'));
for (const line of heard) console.log(`   ${line}`);

step('thrun failed list: what a person has to look at');
const dead = await command(['failed', 'list']);
for (const letter of dead) console.log(`   ${letter.event}  ${letter.reason}: ${letter.error}`);

console.log(`
Done. ${published.length + bulk.published} events went in, and ${bulk.published - lines.length === 0 ? 'every one was taken' : 'SOME WERE NOT TAKEN'}.
  handled      ${totals.succeeded} times by a listener or job (an event may have several, and payments publish more)
  retried      ${totals.retried} (and succeeded then)
  dead letter  ${totals.dead}, kept with its reason: "thrun failed show", "retry" or "forget" it
  batch        ${batch.status}: ${batch.succeeded} of ${batch.total} jobs; ${batch.lifecycle
    .filter(({ state }) => state === 'sent')
    .map(({ kind }) => kind)
    .join(', ')} sent
  drained      yes, exit code ${code}
`);
// A demo that shows less than it says has failed.
if (totals.retried !== 1 || totals.dead !== 1 || dead.length !== 1 || said.length !== 2) process.exitCode = 1;
if (batch.status !== 'succeeded' || heard.length !== 6) process.exitCode = 1;
