import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventText } from '../../src/cli/work/event-text.js';
import { LISTENERS, Shop } from './shop.js';

let shop: Shop;
beforeEach(() => {
  shop = new Shop(LISTENERS);
});
afterEach(() => shop.dispose());

const SLOW = {
  'listeners/slow.ts': `import { ThrunEventListener } from 'thrun';
@ThrunEventListener('slow')
export class Slow {
  async handle() {
    console.log('slow begins');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
}
`,
};

test('says what it consumes, runs, and ends with a summary', async () => {
  await shop.json(['discover']);
  await shop.json(['publish', 'order_created', '{"order_id":7}']);
  await shop.json(['publish', 'send_mail']);
  await shop.json(['publish', 'order_refused', '{"why":"no"}']);
  await shop.json(['publish', 'unheard']);
  const { code, stdout, stderr } = await shop.run(['work', '--stop-when-empty', '--concurrency', '3']);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^thrun work: transport sqlite · group shop · queues events, mail · 1 process of concurrency 3 · pid \d+$/m,
  );
  expect(stderr).toMatch(/^ {2}payment\.\* → PaymentAudit \(listeners\/all\.ts:18\)$/m);
  expect(stderr).toMatch(/^Process \d+ is ready\.$/m);
  expect(stderr).toContain('handled order 7');
  expect(stderr).toContain('mailed send_mail');
  expect(stderr).toContain('Draining (the queues are empty)');
  expect(stdout).toMatch(/^4 received: 2 handled, 0 retried, 1 dead, 1 unhandled, in [\d.]+ s\.\n$/);
});

test('--verbose says where in the source a listener failed; without it nobody is told', async () => {
  shop.write({
    'listeners/broken.ts': `import { ThrunEventListener } from 'thrun';
@ThrunEventListener('broken', { retry: { attempts: 1 } })
export class Broken {
  handle(payload: { order?: { id: number } }) {
    return payload.order!.id;
  }
}
`,
  });
  await shop.json(['publish', 'broken']);
  const { stderr } = await shop.run(['work', '--limit', '1', '--verbose']);
  expect(stderr).toContain('where Broken failed');
  expect(stderr).toMatch(/at Broken\.handle \([^)]*listeners\/broken\.ts:5:\d+\)/);
  await shop.json(['publish', 'broken']);
  const quiet = await shop.run(['work', '--limit', '1']);
  expect(quiet.stderr).toContain('TypeError');
  expect(quiet.stderr).not.toContain('broken.ts:5');
});

test('--json: the summary is the one document on stdout', async () => {
  await shop.json(['publish', 'order_created', '{"order_id":7}']);
  expect(await shop.json(['work', '--limit', '1'])).toEqual({
    kind: 'summary',
    received: 1,
    succeeded: 1,
    retried: 0,
    postponed: 0,
    dead: 0,
    unhandled: 0,
    handed_back: 0,
    seconds: expect.any(Number),
  });
});

test('--queue and --only take a part; an --only that nobody matches is said', async () => {
  await shop.json(['discover']);
  await shop.json(['publish', 'order_created', '{"order_id":7}']);
  await shop.json(['publish', 'send_mail']);
  expect(await shop.json(['work', '--queue', 'mail', '--stop-when-empty'])).toMatchObject({ succeeded: 1 });
  expect(await shop.json(['work', '--only', 'order_*', '--stop-when-empty'])).toMatchObject({ succeeded: 1 });
  const { code, stderr } = await shop.run(['work', '--only', 'nothing.*', '--time-limit', '100ms']);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringContaining('No listener is to an event that matches nothing.*'),
  });
});

test('a stale manifest is said', async () => {
  await shop.json(['discover']);
  shop.write(SLOW);
  const { code, stderr } = await shop.run(['work', '--stop-when-empty']);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringContaining('warning: The manifest is stale: listeners/slow.ts is new.'),
  });
});

describe('signals', () => {
  test('the first drains and says so: exit 0', async () => {
    const working = shop.start(['work']);
    await working.says(/is ready/);
    working.kill('SIGINT');
    const { code, stderr } = await working.ended;
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('Draining (SIGINT): what runs may take 30s'),
    });
  });

  test('the second stops at once: exit 1', async () => {
    shop.write(SLOW);
    await shop.json(['publish', 'slow']);
    const working = shop.start(['work']);
    await working.says('slow begins');
    working.kill('SIGTERM');
    await working.says('Draining');
    working.kill('SIGTERM');
    const { code, stderr } = await working.ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('Stopping at once.') });
  });

  test('one that comes before the workers are up is not forgotten', async () => {
    const working = shop.start(['work']);
    await working.says('thrun work:');
    working.kill('SIGTERM');
    expect((await working.ended).code).toBe(0);
  });
});

describe('--stats', () => {
  test('with --json: one document a second on stdout, then the summary', async () => {
    await shop.json(['publish', 'order_refused', '{"why":"no"}']);
    const working = shop.start(['work', '--stats', '--json']);
    // However long the process takes to be up, and what it did to be told.
    await working.says('"active":0,"succeeded":0,"retried":0,"failed":1,"depth":0');
    working.kill('SIGTERM');
    const { code, stdout } = await working.ended;
    const documents = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string });
    expect(code).toBe(0);
    expect(documents.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['stats', 'summary']));
    expect(documents.at(-1)).toMatchObject({ kind: 'summary', dead: 1 });
    expect(documents.at(-2)).toEqual({
      kind: 'stats',
      rate: expect.any(Number),
      active: 0,
      succeeded: 0,
      retried: 0,
      failed: 1,
      depth: 0,
      processes: 1,
    });
  });

  test('without a terminal: a line now and then on stderr', async () => {
    const { stderr } = await shop.run(['work', '--stats', '--time-limit', '1500ms']);
    // On a busy machine the first look comes before the process is up.
    expect(stderr).toMatch(/^0\/s · 0 active · 0 retried · 0 failed · depth 0 · (?:1 process|0 processes)$/m);
  });

  test('when nobody reads them any more, it drains', async () => {
    const { code, stdout } = await shop.shell('thrun work --stats --json | head -n 1; echo "${PIPESTATUS[0]}"');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\{"kind":"stats".*\}\n0\n$/);
  });
});

describe('thrun health', () => {
  /** As a supervisor wrote it long ago. */
  function leaveStatus(pid: number): void {
    const [at, none] = ['2026-01-01T00:00:00Z', { active: 0, held: 0, ailing: [] }];
    const status = { pid, started_at: at, updated_at: at, processes: 1, ...none };
    shop.write({ [`.thrun/workers/${pid}.json`]: JSON.stringify(status) });
  }

  test('1 when none runs, 0 when all consume', async () => {
    const none = await shop.run(['health']);
    expect(none).toMatchObject({ code: 1, stdout: expect.stringContaining('No "thrun work" runs in') });
    expect(JSON.parse((await shop.run(['health', '--json'])).stdout)).toEqual({ healthy: false, workers: [] });

    const working = shop.start(['work']);
    await working.says(/is ready/);
    // The first status is written within two seconds.
    let health = await shop.run(['health', '--json']);
    while (health.code !== 0) health = await shop.run(['health', '--json']);
    expect(JSON.parse(health.stdout)).toEqual({
      healthy: true,
      workers: [
        {
          pid: working.pid,
          consumes: true,
          problem: null,
          processes: 1,
          active: 0,
          held: 0,
          started_at: expect.any(String),
          updated_at: expect.any(String),
        },
      ],
    });
    working.kill('SIGTERM');
    expect((await working.ended).code).toBe(0);
    expect((await shop.run(['health'])).code).toBe(1);
  });

  test('what a killed supervisor left behind is not held against those that run', async () => {
    leaveStatus(2 ** 22 + 1);
    expect(JSON.parse((await shop.run(['health', '--json'])).stdout)).toEqual({ healthy: false, workers: [] });
  });

  test('one that has gone silent is not well', async () => {
    leaveStatus(process.pid);
    expect(await shop.run(['health'])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/is not well: it has said nothing for \d+ s/),
    });
  });
});

test('what happens to processes, in words', () => {
  const text = (event: Parameters<typeof eventText>[0]) => eventText(event, 30_000);
  expect(text({ kind: 'crashed', pid: 7, how: 'signal SIGKILL', restartMs: 200 })).toEqual({
    text: 'Process 7 crashed (signal SIGKILL); another one starts in 200ms.',
    warning: true,
  });
  expect(text({ kind: 'blocked', pid: 7, ms: 12_000, killed: false }).text).toContain('has been blocked for 12s');
  expect(text({ kind: 'not_consuming', pid: 7, ms: 30_000 }).text).toContain('Process 7 does not consume');
  expect(text({ kind: 'recycled', pid: 7, rss: 600 * 1024 ** 2 }).text).toContain('holds 600M');
  expect(text({ kind: 'reloading', files: ['a\u001b.ts'] }).text).toBe(
    'a\\u{1b}.ts changed. The processes are replaced.',
  );
  expect(text({ kind: 'build_failed', error: new Error('a.ts:1: bad') })).toMatchObject({
    warning: true,
    text: expect.stringContaining('a.ts:1: bad'),
  });
});
