import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bytesAsText } from '../../src/cli/dead-letter-view.js';
import { LISTENERS, Shop } from './shop.js';

/** What a terminal would obey: clear the screen, turn the text round, vanish, start a line. */
const HOSTILE = 'paid\u001b[2J\u202e\u200b\nFAKE LINE';

interface Letter {
  readonly id: string;
  readonly event: string | null;
  readonly reason: string;
  readonly error: string;
}

let shop: Shop;
beforeAll(() => {
  shop = new Shop(LISTENERS);
});
afterAll(() => shop.dispose());

/** Three dead letters: one a listener gave up on, one that is not UTF-8, one with a hostile text in its error. */
beforeEach(async () => {
  await shop.run(['failed', 'forget', '--all', '--yes']);
  // What an earlier test has retried.
  await shop.run(['queues', 'purge', 'events', '--yes']);
  await shop.json(['publish', 'order_refused', '{"why":"out of stock"}', '--id', 'refused-1']);
  await shop.deliver(Buffer.from([0x7b, 0xff, 0x1b, 0x7d]));
  await shop.json(['publish', 'order_refused', JSON.stringify({ why: HOSTILE })]);
  expect((await shop.run(['work', '--stop-when-empty'])).code).toBe(0);
});

const letters = (...flags: string[]) => shop.json<readonly Letter[]>(['failed', 'list', ...flags]);

async function idOf(matches: (letter: Letter) => boolean): Promise<string> {
  return (await letters()).find(matches)?.id ?? '';
}

test('list --json: the fields, the oldest death first', async () => {
  const all = await letters();
  const died = all.map((letter) => (letter as unknown as { died_at: string }).died_at);
  expect(died).toEqual([...died].sort());
  expect(all.map(({ reason }) => reason).sort()).toEqual(['gave_up', 'gave_up', 'invalid_utf8']);
  expect(all.find(({ error }) => error.includes('out of stock'))).toEqual({
    id: expect.any(String),
    event: 'order_refused',
    event_id: 'refused-1',
    transport: 'sqlite',
    queue: 'events',
    group: 'shop',
    listener: 'OrderRefused',
    reason: 'gave_up',
    error: expect.stringContaining('out of stock'),
    attempts: 1,
    published_at: expect.stringMatching(/^\d{4}-.*Z$/),
    died_at: expect.stringMatching(/^\d{4}-.*Z$/),
  });
});

test('list: a line each; foreign text is escaped and its errors are one line', async () => {
  const { code, stdout } = await shop.run(['failed']);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  expect(lines[0]?.split(/\s{2,}/)).toEqual(
    ['ID', 'EVENT', 'LISTENER', 'REASON', 'ATTEMPTS', 'DIED', 'ERROR'].map(
      (head) => expect.stringContaining(head) as string,
    ),
  );
  expect(stdout).toContain('\\u{1b}[2J\\u{202e}\\u{200b}');
  expect(stdout).not.toMatch(/[\u001b\u202e\u200b]|^FAKE/m);
});

test('list: filters, and how many there are beyond the limit', async () => {
  expect(await letters('--event', 'order_refused')).toHaveLength(2);
  expect(await letters('--queue', 'mail')).toEqual([]);
  expect(await letters('--since', '1h')).toHaveLength(3);
  expect(await letters('--since', '2099-01-01T00:00:00Z')).toEqual([]);
  const { stdout, stderr } = await shop.run(['failed', 'list', '--limit', '1', '--json']);
  expect(JSON.parse(stdout)).toHaveLength(1);
  expect(stderr).toContain('1 of 3; --limit shows more.');
  const none = await shop.run(['failed', '--queue', 'mail']);
  expect(none).toMatchObject({ code: 0, stdout: '', stderr: 'There are no dead letters that match on sqlite.\n' });
});

describe('show', () => {
  test('everything, and the body as it was received', async () => {
    const id = await idOf(({ error }) => error.includes('out of stock'));
    const { stdout } = await shop.run(['failed', 'show', id]);
    expect(stdout).toMatch(/^event_id: +refused-1$/m);
    expect(stdout).toMatch(/^body \(\d+ bytes\):\n\{"event":"order_refused","payload":\{"why":"out of stock"\},/m);
    const shown = await shop.json<{ body: string; body_base64: string }>(['failed', 'show', id]);
    expect(JSON.parse(shown.body)).toMatchObject({ payload: { why: 'out of stock' } });
    expect(Buffer.from(shown.body_base64, 'base64').toString()).toBe(shown.body);
  });

  test('a byte order mark is shown', async () => {
    await shop.deliver('\uFEFF{');
    await shop.run(['work', '--stop-when-empty']);
    const id = await idOf(({ reason }) => reason === 'invalid_json');
    expect(await shop.json(['failed', 'show', id])).toMatchObject({ body: '\uFEFF{' });
    expect((await shop.run(['failed', 'show', id])).stdout).toContain('body (4 bytes):\n\\u{feff}{\n');
  });

  test('bytes that are no text: escaped for people, base64 for programs', async () => {
    const id = await idOf(({ reason }) => reason === 'invalid_utf8');
    expect((await shop.run(['failed', 'show', id])).stdout).toContain('body (4 bytes):\n{\\xff\\x1b}\n');
    expect(await shop.json(['failed', 'show', id])).toMatchObject({ body: null, body_base64: 'e/8bfQ==', event: null });
    expect(bytesAsText(Buffer.from([0x41, 0x00, 0x7f, 0xe9]))).toBe('A\\x00\\x7f\\xe9');
  });

  test('hostile text stays text, also in JSON', async () => {
    const id = await idOf(({ error }) => error.includes('FAKE'));
    for (const flags of [[], ['--json']]) {
      const { stdout } = await shop.run(['failed', 'show', id, ...flags]);
      expect(stdout).not.toMatch(/[\u001b\u202e\u200b\u009b]/);
    }
    expect((await shop.json<Letter>(['failed', 'show', id])).error).toContain(HOSTILE);
  });

  test('an id there is none for: 1', async () => {
    expect(await shop.run(['failed', 'show', '9999'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no dead letter 9999'),
    });
  });
});

describe('retry and forget', () => {
  test('retry: back to the listener that gave up', async () => {
    const id = await idOf(({ error }) => error.includes('out of stock'));
    expect(await shop.json(['failed', 'retry', id])).toEqual({ retried: 1 });
    expect(await letters()).toHaveLength(2);
    expect((await shop.json<readonly object[]>(['queues']))[0]).toMatchObject({
      queue: 'events',
      group: 'shop',
      depth: 1,
      dead: 2,
    });
    await shop.run(['work', '--stop-when-empty']);
    expect(await letters()).toHaveLength(3);
  });

  test('unknown ids are named, the others are seen to, and it ends with 1', async () => {
    const id = await idOf(({ reason }) => reason === 'invalid_utf8');
    const { code, stdout, stderr } = await shop.run(['failed', 'forget', id, '9998', 'x\u001b', '--json']);
    expect({ code, ...(JSON.parse(stdout) as object) }).toEqual({
      code: 1,
      forgotten: 1,
      unknown: ['9998', 'x\u001b'],
      error: { code: 'THRUN_FAILED', message: expect.stringContaining('There are no dead letters 9998, x\\u{1b}.') },
    });
    expect(stderr).not.toContain('\u001b');
    expect(await letters()).toHaveLength(2);
  });

  test('--all with a filter takes those that match', async () => {
    const { code, stdout } = await shop.run(['failed', 'retry', '--all', '--event', 'order_refused']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '2 retried.\n' });
    expect(await letters()).toMatchObject([{ reason: 'invalid_utf8' }]);
  });

  test('forget --all in a script is all that has to be said', async () => {
    expect(await shop.json(['failed', 'forget', '--all'])).toEqual({ forgotten: 3 });
    expect(await letters()).toEqual([]);
    expect(await shop.json(['failed', 'forget', '--all'])).toEqual({ forgotten: 0 });
  });
});
