import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StatusDocument } from '../../src/cli/batch/documents.js';
import { type Ended, Shop } from './shop.js';

const LISTENERS = {
  'listeners/order.ts': `import { GiveUp, type JobContext, ThrunBatch, ThrunEventListener, ThrunJob } from 'thrun';
import { existsSync } from 'node:fs';

@ThrunJob('create_payment')
export class CreatePayment {
  constructor(readonly payload: { fails?: boolean }) {}
  handle(context: JobContext) {
    if (this.payload.fails && !existsSync('mended')) throw new GiveUp('card\\u001b[2J declined');
    return { from: 'create_payment' };
  }
}

@ThrunJob('slow')
export class Slow {
  constructor(readonly payload: unknown) {}
  handle({ signal }: JobContext) {
    console.log('slow begins');
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }
}

@ThrunJob('send_mail', { queue: 'mail' })
export class SendMail {
  constructor(readonly payload: unknown) {}
  handle(context: JobContext) {
    console.log('mailed', Buffer.from(context.body).toString());
  }
}

@ThrunBatch('order', { then: 'order.success', catch: 'order.failed', finally: 'order.finished', progress: 'order.progress' })
export class OrderBatch {
  constructor(readonly payload: { orderId: number }) {}
  jobs() {
    if (this.payload.orderId < 0) throw new Error('no such order');
    return [new CreatePayment({}), [new SendMail(this.payload), new CreatePayment({})]];
  }
}

@ThrunEventListener('order.*')
export class News {
  handle(payload: unknown, { event }: JobContext) {
    console.log('heard', event);
  }
}
`,
};

const ID = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}\n$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let shop: Shop;
beforeAll(async () => {
  shop = new Shop(LISTENERS);
  await shop.json(['discover']);
});
afterAll(() => shop.dispose());

async function started(...args: readonly string[]): Promise<string> {
  return (await shop.json<{ batch_id: string }>(['batch', 'start', ...args])).batch_id;
}

const statusOf = (id: string) => shop.json<StatusDocument>(['batch', 'status', id]);
const explained = async (id: string) => (await shop.run(['batch', 'explain', id])).stdout;

async function work(...flags: readonly string[]): Promise<Ended> {
  const ended = await shop.run(['work', '--stop-when-empty', ...flags]);
  expect(ended.code).toBe(0);
  return ended;
}

describe('start', () => {
  test('a batch file: prints the id and nothing else; payloads leave as they are written', async () => {
    const payload = '{ "big": 12345678901234567890, "price": 1.10 }';
    shop.write({
      'order.json': `\uFEFF{"name":"from a file","jobs":[[{"event":"send_mail","payload":${payload},"queue":"php","key":"k"},
        {"jobs":[{"event":"create_payment"}],"name":"inner"}]],"then":"order.success","allow_failures":true}\r\n`,
    });
    const { code, stdout, stderr } = await shop.run(['batch', 'start', 'order.json']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: expect.stringMatching(ID), stderr: '' });
    const [body = ''] = await shop.received('php');
    expect(body).toContain(`"payload":${payload},"meta"`);
    const batch = await statusOf(stdout.trim());
    expect(JSON.parse(body)).toMatchObject({
      event: 'send_mail',
      meta: { key: 'k', batch_id: batch.batch_id, job_id: batch.jobs[0]?.job_id },
    });
    expect(batch).toMatchObject({
      name: 'from a file',
      total: 2,
      lifecycle: [{ kind: 'then', event: 'order.success' }],
    });
    await shop.run(['batch', 'cancel', batch.batch_id]);
  });

  test('a batch on stdin, with flags that go before what it says', async () => {
    const input = '{"name":"one","jobs":[{"event":"create_payment"},{"event":"create_payment"}],"then":"a"}';
    const flags = ['--name', 'two', '--then', 'b', '--parallel', '--progress', 'p', '--catch', 'c', '--finally', 'f'];
    const { batch_id } = await shop.json<{ batch_id: string }>(['batch', 'start', '-', ...flags], { input });
    const { name, jobs, lifecycle } = await statusOf(batch_id);
    expect({ name, states: jobs.map(({ status }) => status) }).toEqual({ name: 'two', states: ['queued', 'queued'] });
    expect(lifecycle.map(({ kind, event }) => `${kind} ${event}`)).toEqual([
      'progress p',
      'then b',
      'catch c',
      'finally f',
    ]);
    await shop.run(['batch', 'cancel', batch_id]);
  });

  test('a class that @ThrunBatch names, with its payload as an argument and on stdin', async () => {
    const id = await started('order', '{"orderId":7}');
    expect(await statusOf(id)).toMatchObject({ name: 'order', total: 3, status: 'running' });
    await shop.run(['batch', 'cancel', id]);
    const other = await shop.json<{ batch_id: string }>(['batch', 'start', 'order', '-'], { input: '{"orderId":8}\n' });
    await shop.run(['batch', 'cancel', other.batch_id]);
  });

  test('a name that the manifest knows goes before a file of that name', async () => {
    shop.write({ order: '{"name":"the file","jobs":[]}', plain: '{"name":"the file","jobs":[]}' });
    const id = await started('order', '{"orderId":9}');
    expect((await statusOf(id)).name).toBe('order');
    await shop.run(['batch', 'cancel', id]);
    expect((await statusOf(await started('plain'))).name).toBe('the file');
  });

  test('jobs on the command line; the queue of a job is that of its handler', async () => {
    const args = ['--job', 'create_payment={}', '--job', 'send_mail={"n":1.10}', '--parallel', '--allow-failures'];
    const id = await started(...args);
    expect((await statusOf(id)).jobs.map(({ event }) => event)).toEqual(['create_payment', 'send_mail']);
    const { stderr } = await work('--queue', 'mail');
    expect(stderr).toContain('"payload":{"n":1.10},"meta"');
    expect((await statusOf(id)).jobs.map(({ status }) => status)).toEqual(['queued', 'succeeded']);
    await shop.run(['batch', 'cancel', id]);
  });

  test('a name without a handler is said on stderr, with the nearest', async () => {
    const { code, stderr } = await shop.run(['batch', 'start', '--job', 'create_paymnt={}']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('no handler for create_paymnt (did you mean create_payment?)'),
    });
  });

  test('a transport that lives in this process alone is said', async () => {
    const { stderr } = await shop.run(['batch', 'start', '--job', 'create_payment={}', '--transport', 'memory']);
    expect(stderr).toContain('nobody will receive this');
  });

  test('a transport that cannot be reached: 1, and no batch is made', async () => {
    const before = await shop.json<readonly unknown[]>(['batch', 'list']);
    const env = { THRUN_SQLITE_PATH: shop.folder };
    const { code, stderr } = await shop.run(['batch', 'start', '--job', 'create_payment={}'], { env });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(shop.folder) });
    expect(await shop.json(['batch', 'list'])).toHaveLength(before.length);
  });
});

describe('bad input ends with 2, makes nothing, and says what to do', () => {
  let bare: Shop;
  beforeAll(() => {
    bare = new Shop({
      ...LISTENERS,
      'syntax.json': '{"jobs":[\n  {"event":"a",}\n]}',
      'wrong.json': '{"jobs":[{"event":"a"},[{"event":"b c"}]],"finaly":"x"}',
      'large.json': `{"jobs":[{"jobs":[{"event":"a","payload":"${'x'.repeat(1024 ** 2)}"}]}]}`,
      'empty.json': '',
    });
  });
  afterAll(() => bare.dispose());

  test.each<[string, readonly string[], string]>([
    ['nothing', ['start'], 'Name a batch file'],
    ['no such file', ['start', 'missing.json'], 'missing.json: there is no such file'],
    ['a directory', ['start', './listeners'], 'it is a directory'],
    ['a directory without a slash', ['start', 'listeners'], 'it is a directory'],
    ['a file that is no JSON', ['start', 'syntax.json'], 'file syntax.json is not JSON at line 2, column 16 (byte 25)'],
    ['an empty file', ['start', 'empty.json'], 'is not JSON'],
    ['a file that is no batch', ['start', 'wrong.json'], 'jobs[1][0].event: expected a contract name'],
    ['a key that is unknown', ['start', 'wrong.json'], 'finaly: unknown key; did you mean "finally"?'],
    [
      'a payload that is too large, nested',
      ['start', 'large.json'],
      'jobs[0].jobs[0]: The payload of a cannot be sent',
    ],
    ['stdin closed early', ['start', '-'], 'stdin is not JSON'],
    ['a name of nothing', ['start', 'ordr'], 'There is no file and no batch called ordr. Did you mean order?'],
    ['a name that is nothing like one', ['start', 'zebra'], 'There is order.'],
    ['a file with a payload', ['start', 'syntax.json', '{}'], 'has its payloads in it'],
    ['a payload that is no JSON', ['start', 'order', '{orderId:1}'], 'it is not JSON at line 1, column 2'],
    ['a payload the class cannot take', ['start', 'order'], 'it was given no payload'],
    ['a payload the class refuses', ['start', 'order', '{"orderId":-1}'], 'the class of order threw: no such order'],
    ['a file and --job', ['start', 'wrong.json', '--job', 'a={}'], 'given twice, by wrong.json and by --job'],
    ['--job without =', ['start', '--job', 'create_payment'], "--job create_payment='{"],
    ['--job without a name', ['start', '--job', '={}'], "--job create_payment='{"],
    [
      '--job that is no JSON',
      ['start', '--job', 'a={}', '--job', 'b={"x":}'],
      'jobs[1]: The payload of b cannot be sent',
    ],
    ['--job a shell took the quotes of', ['start', '--job', 'a={x:1}'], 'single quotes'],
    ['--job with a name that is none', ['start', '--job', 'a b={}'], 'white space (U+0020)'],
    ['--job with no payload', ['start', '--job', 'a='], 'is not JSON'],
    [
      '--name twice',
      ['start', '--job', 'a={}', '--name', 'x', '--name', 'y'],
      "'--name <name>' argument 'y' is invalid. It is given twice",
    ],
    ['--then twice', ['start', '--job', 'a={}', '--then', 'x', '--then', 'y'], 'It is given twice'],
    ['--then that is none', ['start', '--job', 'a={}', '--then', 'order.*'], 'Give a name'],
    [
      '--name with a control character',
      ['start', '--job', 'a={}', '--name', 'a\u001b[2J'],
      'without control characters',
    ],
    ['an empty name', ['start', '--job', 'a={}', '--name', ''], '1 to 255 bytes'],
    ['an unknown command', ['stat'], 'Did you mean start?'],
    ['an unknown flag', ['start', '--paralel'], 'Did you mean --parallel?'],
    ['no id', ['status'], "missing required argument 'id'"],
    ['an unknown id', ['status', '0198c5f2'], 'There is no batch "0198c5f2". "thrun batch list" shows'],
    ['an empty id', ['status', ''], 'There is no batch ""'],
    ['an unknown id to cancel', ['cancel', 'x\u001b[2J'], 'There is no batch "x\\u001b[2J"'],
    ['an unknown id to retry', ['retry', 'x'], 'There is no batch "x"'],
    ['an unknown id to explain', ['explain', 'x'], 'There is no batch "x"'],
    ['an unknown id to watch', ['status', 'x', '--watch'], 'There is no batch "x"'],
    ['a status that is none', ['list', '--status', 'done'], 'running, succeeded, failed, cancelled'],
    ['a limit that is none', ['list', '--limit', '0'], 'from 1 to 10000'],
    ['since when', ['list', '--since', 'yesterday'], 'Give a duration'],
    ['pruning what runs', ['prune', '--status', 'running', '--yes'], 'succeeded, failed, cancelled'],
    ['pruning an age that is none', ['prune', '--older-than', 'old', '--yes'], 'Give a duration'],
    ['pruning without anybody to ask', ['prune'], 'say so with --yes'],
  ])('%s', async (_what, args, text) => {
    const { code, stdout, stderr } = await bare.run(['batch', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.toLowerCase()).toContain(text.toLowerCase());
    expect(stderr).not.toMatch(/\u001b|^\s+at /m);
    expect(bare.has('.thrun/batches.db')).toBe(false);
  });

  test('looking at batches where there are none makes nothing', async () => {
    expect(await bare.run(['batch'])).toEqual({ code: 0, stdout: '', stderr: 'There are no batches.\n' });
    expect(await bare.json(['batch', 'list'])).toEqual([]);
    expect(await bare.json(['batch', 'prune', '--yes'])).toEqual({ pruned: 0 });
    expect(bare.has('.thrun/batches.db')).toBe(false);
  });

  test('a store that cannot be opened: 1, with what and where', async () => {
    const broken = new Shop({ '.thrun/batches.db': 'this is no database, and it is longer than a header'.repeat(20) });
    const { code, stdout } = await broken.run(['batch', 'list', '--json']);
    expect({ code, error: (JSON.parse(stdout) as { error: { code: string } }).error.code }).toEqual({
      code: 1,
      error: 'THRUN_STORE_UNAVAILABLE',
    });
    const findings = JSON.parse((await broken.run(['doctor', '--json'])).stdout) as { check: string }[];
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'batch store', status: 'fail', fix: expect.stringContaining('batches.db') }),
    );
    await broken.dispose();
  });
});

describe('status', () => {
  test('--json: exactly the fields that are promised, before, during and after', async () => {
    const id = await started('order', '{"orderId":1}');
    const before = await statusOf(id);
    expect(before).toEqual({
      batch_id: id,
      name: 'order',
      status: 'running',
      total: 3,
      completed: 0,
      percent: 0,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      cancelled: 0,
      created_at: expect.stringMatching(TIME),
      finished_at: null,
      jobs: [
        { job_id: expect.any(String), event: 'create_payment', status: 'queued', attempts: 0, error: null },
        { job_id: expect.any(String), event: 'send_mail', status: 'waiting', attempts: 0, error: null },
        { job_id: expect.any(String), event: 'create_payment', status: 'waiting', attempts: 0, error: null },
      ],
      lifecycle: [
        { kind: 'progress', event: 'order.progress', event_id: null, state: 'waiting' },
        { kind: 'then', event: 'order.success', event_id: null, state: 'waiting' },
        { kind: 'catch', event: 'order.failed', event_id: null, state: 'waiting' },
        { kind: 'finally', event: 'order.finished', event_id: null, state: 'waiting' },
      ],
    });
    expect(Object.keys(before)).toEqual([
      ...['batch_id', 'name', 'status', 'total', 'completed', 'percent', 'succeeded', 'failed', 'skipped', 'cancelled'],
      ...['created_at', 'finished_at', 'jobs', 'lifecycle'],
    ]);

    await work();
    const after = await statusOf(id);
    expect(after).toMatchObject({ status: 'succeeded', completed: 3, percent: 100, succeeded: 3 });
    expect(after.finished_at).toMatch(TIME);
    expect(after.jobs.map(({ status, attempts }) => `${status} ${attempts}`)).toEqual(Array(3).fill('succeeded 1'));
    expect(after.lifecycle.map(({ kind, state, event_id }) => `${kind} ${state} ${typeof event_id}`)).toEqual([
      'progress sent string',
      'then sent string',
      'catch never object',
      'finally sent string',
    ]);
  });

  test('of a failed batch: errors, what was skipped, what can never happen; text escapes what is foreign', async () => {
    const flags = ['--then', 'a', '--catch', 'b', '--finally', 'c'];
    const id = await started('--job', 'create_payment={"fails":true}', '--job', 'create_payment={}', ...flags);
    await work();
    const batch = await statusOf(id);
    expect(batch).toMatchObject({ name: null, status: 'failed', completed: 2, failed: 1, skipped: 1 });
    expect(batch.jobs).toMatchObject([
      { status: 'failed', attempts: 1, error: expect.stringContaining('declined') },
      { status: 'skipped', attempts: 0, error: null },
    ]);
    expect(batch.lifecycle.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'then never',
      'catch sent',
      'finally sent',
    ]);
    const { stdout } = await shop.run(['batch', 'status', id]);
    expect(stdout).toContain('failed: 2 of 2 done (100%), 1 failed, 1 skipped');
    expect(stdout).toContain('card\\u{1b}[2J declined');
    expect(stdout).not.toContain('\u001b');
  });

  test('a nested batch: its row has the batch_id; a unique beginning of an id is enough', async () => {
    const input = '{"jobs":[{"jobs":[{"event":"create_payment"}],"name":"inner"}]}';
    const { batch_id } = await shop.json<{ batch_id: string }>(['batch', 'start', '-'], { input });
    const [job] = (await statusOf(batch_id)).jobs;
    expect(Object.keys(job ?? {})).toEqual(['job_id', 'event', 'status', 'attempts', 'error', 'batch_id']);
    expect(await statusOf(job?.batch_id?.slice(0, 13) ?? '')).toMatchObject({ name: 'inner', total: 1 });
    await started('order', '{"orderId":1}');
    const several = await shop.run(['batch', 'status', batch_id.slice(0, 1)]);
    expect({ code: several.code, stderr: several.stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/Several batches begin with 0: [\da-f-]+, .*Give more of the id\./),
    });
    await work();
    expect(await explained(batch_id)).toMatch(/^Batch [\da-f-]+ has ended .* ago: succeeded\.\n$/);
  });

  test('--watch ends with the batch: 0 when it ended well, 1 when not; a document for each change with --json', async () => {
    const id = await started('order', '{"orderId":1}');
    const watching = shop.start(['batch', 'status', id, '--watch']);
    const documents = shop.start(['batch', 'status', id, '--watch', '--json']);
    await Promise.all([watching.says('0 of 3'), documents.says('"completed":0')]);
    const working = shop.start(['work']);
    const ended = await watching.ended;
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('succeeded: 3 of 3 done (100%)') });
    expect(ended.stderr).toContain('3 of 3 (100%)');
    expect(ended.stderr).not.toContain('\u001b');
    const { code, stdout, stderr } = await documents.ended;
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as StatusDocument);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.map(({ completed }) => completed)).toEqual(lines.map(({ completed }) => completed).sort());
    expect(lines.at(-1)?.lifecycle.map(({ state }) => state)).toEqual(['sent', 'sent', 'never', 'sent']);

    const bad = await started('--job', 'create_payment={"fails":true}');
    expect(await shop.run(['batch', 'status', bad, '--watch'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('failed: 1 of 1'),
    });
    working.child.kill('SIGTERM');
    await working.ended;
  });

  test('--watch: Ctrl-C ends the watching with 1, and the batch goes on; so does a reader that goes away', async () => {
    const id = await started('--job', 'create_payment={}');
    const watching = shop.start(['batch', 'status', id, '--watch']);
    await watching.says('0 of 1');
    watching.child.kill('SIGINT');
    expect(await watching.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('the batch goes on') });
    const piped = shop.shell(`thrun batch status ${id} --watch --json | head -1 | wc -l`);
    await work();
    expect((await piped).stdout.trim()).toBe('1');
    expect((await statusOf(id)).status).toBe('succeeded');
  });
});

describe('list', () => {
  test('newest first; filters; fields', async () => {
    const own = new Shop(LISTENERS);
    const ids: string[] = [];
    for (const name of ['a', 'b', 'a']) {
      const input = JSON.stringify({ name, jobs: [{ jobs: [{ event: 'resize' }] }] });
      ids.unshift((await own.json<{ batch_id: string }>(['batch', 'start', '-'], { input })).batch_id);
    }
    await own.run(['batch', 'cancel', ids[0] ?? '']);
    const found = async (...flags: string[]) =>
      (await own.json<{ batch_id: string }[]>(['batch', 'list', ...flags])).map(({ batch_id }) => batch_id);
    expect(await found()).toEqual(ids);
    expect(await found('--name', 'a')).toEqual([ids[0], ids[2]]);
    expect(await found('--status', 'cancelled')).toEqual([ids[0]]);
    expect(await found('--since', '2099-01-01T00:00:00Z')).toEqual([]);
    expect(await found('--since', '1h')).toHaveLength(3);
    expect(await found('--nested')).toHaveLength(6);
    const [first] = await own.json<object[]>(['batch', 'list', '--limit', '1']);
    expect(Object.keys(first ?? {})).toEqual([
      ...['batch_id', 'name', 'status', 'total', 'completed', 'percent', 'succeeded', 'failed', 'skipped', 'cancelled'],
      ...['created_at', 'finished_at'],
    ]);
    const { stdout, stderr } = await own.run(['batch', '--limit', '2']);
    expect(stdout.split('\n')[0]?.split(/\s{2,}/)).toEqual([
      'ID',
      'NAME',
      'STATUS',
      'DONE',
      'FAILED',
      'CREATED',
      'ENDED',
    ]);
    expect(stderr).toContain('The newest 2; --limit shows more.');
    expect((await own.shell('thrun batch | head -c 1; echo "${PIPESTATUS[0]}"')).stdout).toMatch(/0\n$/);
    await own.dispose();
  });
});

test('cancel: what waits is cancelled, what runs is told; a second time it says so with 1', async () => {
  const id = await started('--job', 'slow={}', '--job', 'create_payment={}', '--finally', 'order.finished');
  const working = shop.start(['work']);
  await working.says('slow begins');
  const { code, stdout } = await shop.run(['batch', 'cancel', id]);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `Cancelled ${id}: 1 job will not run. 1 job still runs and is told to stop.\n`,
  });
  expect((await shop.run(['batch', 'status', id, '--watch'])).code).toBe(1);
  expect(await statusOf(id)).toMatchObject({ status: 'cancelled', cancelled: 2, lifecycle: [{ state: 'sent' }] });
  working.child.kill('SIGTERM');
  await working.ended;
  const again = await shop.run(['batch', 'cancel', id]);
  expect({ code: again.code, stderr: again.stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('is cancelled already'),
  });
});

test('cancel works while the transport is away, and says what is still to be sent', async () => {
  const own = new Shop();
  const { batch_id: id } = await own.json<{ batch_id: string }>(['batch', 'start', '--job', 'a={}', '--finally', 'b']);
  const { code, stderr } = await own.run(['batch', 'cancel', id], { env: { THRUN_SQLITE_PATH: own.folder } });
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^warning: the outbox .*cannot be reached/),
  });
  expect(await own.json(['batch', 'status', id])).toMatchObject({
    status: 'cancelled',
    lifecycle: [{ kind: 'finally', state: 'pending' }],
  });
  expect((await own.run(['batch', 'explain', id])).stdout).toContain('1 message of it could not be sent yet');
  await own.dispose();
});

test('retry: failed and skipped jobs run again, from the queues of their handlers', async () => {
  const id = await started('--job', 'create_payment={"fails":true}', '--job', 'send_mail={}');
  expect((await shop.run(['batch', 'retry', id])).stderr).toContain('only a failed batch can be retried');
  await work();
  expect((await statusOf(id)).status).toBe('failed');
  shop.write({ mended: '' });
  const unreachable = { env: { THRUN_SQLITE_PATH: shop.folder } };
  expect((await shop.run(['batch', 'retry', id], unreachable)).code).toBe(1);
  expect((await statusOf(id)).status).toBe('failed');
  expect((await shop.run(['batch', 'retry', id])).stdout).toBe(`Retrying ${id}, run 2: 2 jobs will run again.\n`);
  await work();
  expect(await statusOf(id)).toMatchObject({ status: 'succeeded', succeeded: 2 });
  expect((await shop.run(['batch', 'retry', id, '--json'])).code).toBe(1);
});

describe('explain', () => {
  test('a job in a queue nobody ever consumed: just that, and where', async () => {
    const input = '{"name":"stuck","jobs":[{"event":"resize","queue":"pictures"},{"event":"create_payment"}]}';
    const { batch_id } = await shop.json<{ batch_id: string }>(['batch', 'start', '-'], { input });
    const text = await explained(batch_id);
    expect(text).toContain('Batch stuck');
    expect(text).toMatch(/resize \(job [\da-f-]+\) was sent to queue pictures of sqlite \S+ ago and has not begun\./);
    expect(text).toContain('The manifest knows no handler for it.');
    expect(text).toContain('Nobody consumes this queue: no group has ever consumed pictures on sqlite.');
    expect(text).toContain('thrun work --queue pictures');
    expect(text).toContain('1 job of later stages waits for these.');
    const { lines } = await shop.json<{ lines: string[] }>(['batch', 'explain', batch_id]);
    expect(`${lines.join('\n')}\n`.replace(/\S+ ago/g, '')).toBe(text.replace(/\S+ ago/g, ''));
    await shop.run(['batch', 'cancel', batch_id]);
  });

  test('a queue that was consumed once, and is by none of the workers that run now', async () => {
    await work();
    const id = await started('--job', 'send_mail={}');
    expect(await explained(id)).toContain('Nobody consumes this queue');
    const working = shop.start(['work', '--queue', 'events']);
    await working.says(/is ready/);
    expect(await explained(id)).toContain(
      'Nobody consumes this queue: no "thrun work" of this project on this machine consumes mail.',
    );
    const mailing = shop.start(['work', '--queue', 'mail']);
    expect((await shop.run(['batch', 'status', id, '--watch'])).code).toBe(0);
    for (const { child, ended } of [working, mailing]) {
      child.kill('SIGTERM');
      await ended;
    }
  });

  test('without its transport it still says what it knows', async () => {
    const id = await started('--job', 'send_mail={}');
    const { code, stdout, stderr } = await shop.run(['batch', 'explain', id], {
      env: { THRUN_SQLITE_PATH: shop.folder },
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringContaining('sent to queue mail'),
      stderr: expect.stringContaining('cannot be reached'),
    });
    await work();
  });
});

test('prune: by age and by how they ended', async () => {
  await work();
  const keep = await started('--job', 'resize={}');
  expect(await shop.json(['batch', 'prune', '--yes'])).toEqual({ pruned: 0 });
  const finished = (await shop.json<StatusDocument[]>(['batch', 'list', '--limit', '1000'])).filter(
    ({ finished_at }) => finished_at !== null,
  );
  const failed = finished.filter(({ status }) => status === 'failed');
  const pruned = async (...flags: string[]) =>
    (await shop.json<{ pruned: number }>(['batch', 'prune', '--older-than', '0', '--yes', ...flags])).pruned;
  expect(await pruned('--status', 'failed')).toBe(failed.length);
  expect(await pruned()).toBeGreaterThanOrEqual(finished.length - failed.length);
  const left = await shop.json<StatusDocument[]>(['batch', 'list']);
  expect(left.every(({ finished_at }) => finished_at === null)).toBe(true);
  expect(left.map(({ batch_id }) => batch_id)).toContain(keep);
});

describe('elsewhere', () => {
  test('discover shows batches; publishing the name of one says what it is', async () => {
    expect((await shop.run(['discover'])).stdout).toMatch(/^order +batch +OrderBatch +listeners\/order\.ts:\d+$/m);
    expect((await shop.run(['publish', 'order'])).stderr).toContain('order is a batch');
    expect((await shop.run(['publish', 'order'])).stderr).toContain('thrun batch start order');
  });

  test('doctor looks at the store where batches are used', async () => {
    const findings = await shop.json<{ check: string }[]>(['doctor']);
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: 'batch store',
        status: 'ok',
        detail: expect.stringContaining('read and written'),
      }),
    );
  });
});
