import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { plain, plainJson, plainLines } from '../../src/cli/plain-text.js';
import { table } from '../../src/cli/table.js';
import { THRUN } from '../support/build.js';
import { Command } from '../support/command.js';
import { LISTENERS, Shop } from './shop.js';

let shop: Shop;
beforeAll(async () => {
  shop = new Shop(LISTENERS);
  await shop.json(['publish', 'order_created']);
});
afterAll(() => shop.dispose());

describe('foreign text', () => {
  const hostile = 'a\u001b[31m\u0007\u009b\u202e\u2066\u200b\u00ad\u2028\ufeff\u3164\ud800\u007f';

  test('nothing a terminal obeys or hides is left', () => {
    expect(plain(hostile)).toMatch(/^[\x20-\x7e]+$/);
    expect(plain('a\nb\tc\r')).toBe('a\\nb\\tc\\r');
    expect(plainLines('a\nb\r')).toBe('a\nb\\r');
    expect(plain('Grüße, 日本, 😀')).toBe('Grüße, 日本, 😀');
  });

  test('JSON keeps its meaning and loses its effect', () => {
    const json = plainJson({ [hostile]: [hostile] });
    expect(json).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(json)).toEqual({ [hostile]: [hostile] });
    expect(JSON.parse(plainJson('\u{e0001}'))).toBe('\u{e0001}');
  });
});

test('a table keeps to the width by its one long column', async () => {
  const paint = { bold: (text: string) => text } as never;
  const columns = [{ head: 'ID' }, { head: 'ERROR', cut: true }];
  const lines = (
    await table(
      columns,
      [
        ['1', 'x'.repeat(200)],
        ['2', '日本'.repeat(50)],
      ],
      { paint, width: 40 },
    )
  ).split('\n');
  expect(lines[0]).toBe('ID  ERROR');
  expect(lines[1]).toMatch(/^1 {3}x+…$/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
});

describe('without a terminal there is no colour, no spinner, no bar', () => {
  test.each([[['discover']], [['doctor']], [['queues']], [['nope']], [['publish', '--ndjson']]])('%j', async (args) => {
    const { stdout, stderr } = await shop.run(args);
    expect(stdout + stderr).not.toContain('\u001b');
  });

  test('FORCE_COLOR brings colour back, NO_COLOR goes before it', async () => {
    expect((await shop.run(['queues'], { env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001b[1m');
    expect((await shop.run(['queues'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain('\u001b');
  });
});

describe('whoever reads has had enough', () => {
  test.each(['queues', 'failed list --json', 'completion bash', 'discover', '--help'])(
    'thrun %s | head -c 1 ends with 0, quietly',
    async (command) => {
      const { stdout, stderr } = await shop.shell(
        `thrun ${command} 2>errors | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"; cat errors >&2`,
      );
      expect(stdout).toBe('0\n');
      expect(stderr).not.toMatch(/EPIPE|Error/);
    },
  );

  test('a disk that is full is a failure: 1, with the reason', async () => {
    const { stdout, stderr } = await shop.shell('thrun queues >/dev/full; echo "$?"');
    expect({ stdout, stderr }).toEqual({ stdout: '1\n', stderr: expect.stringContaining('ENOSPC') });
  });

  test('a stderr that nobody reads is no reason to fail', async () => {
    const { stdout } = await shop.shell('thrun failed show 99 2>&1 >/dev/null | true; echo "${PIPESTATUS[0]}"');
    expect(stdout).toBe('1\n');
  });
});

/** A terminal of so many columns, from util-linux. What the program sees as one, and what it writes to it. */
function startOnTerminal(command: string, { columns = 100, env = {} } = {}): Command {
  const line = `stty cols ${columns} rows 30; ${JSON.stringify(process.execPath)} ${JSON.stringify(THRUN)} ${command}`;
  const { CI: _ci, NO_COLOR: _no, FORCE_COLOR: _force, ...inherited } = process.env;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: shop.folder,
    env: { ...inherited, TERM: 'xterm', SHELL: '/bin/sh', ...env },
  });
  onTestFinished(() => void child.kill());
  return new Command(child);
}

async function onTerminal(
  command: string,
  { input = '', ...options }: { columns?: number; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<{ readonly code: number | null; readonly screen: string }> {
  const running = startOnTerminal(command, options);
  running.child.stdin?.end(input);
  const { code, stdout } = await running.ended;
  return { code, screen: stdout };
}

describe('on a terminal', () => {
  test('colour, a spinner and the cursor back at the end', async () => {
    const { code, screen } = await onTerminal('discover');
    expect(code).toBe(0);
    expect(screen).toContain('\u001b[1mCONTRACT');
    expect(screen).toContain('Looking for listeners');
    expect(screen.lastIndexOf('\u001b[?25h')).toBeGreaterThan(screen.lastIndexOf('\u001b[?25l'));
  });

  test('NO_COLOR: neither', async () => {
    const { code, screen } = await onTerminal('discover', { env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    expect(screen).not.toContain('\u001b');
    expect(screen).toContain('order_created');
  });

  test('a terminal that says it is 0 wide is not drawn on', async () => {
    const { code, screen } = await onTerminal('discover', { columns: 0 });
    expect(code).toBe(0);
    expect(screen).not.toContain('Looking for');
  });

  test('--json on a terminal is JSON', async () => {
    const { screen } = await onTerminal('queues --json 2>/dev/null');
    expect(JSON.parse(screen)).toMatchObject([{ queue: 'events' }]);
  });

  test('a bar while a file is published', async () => {
    shop.write({ 'events.ndjson': '{"event":"order_created"}\n'.repeat(2000) });
    const { code, screen } = await onTerminal('publish --ndjson --file events.ndjson --queue bulk');
    expect(code).toBe(0);
    expect(screen).toMatch(/\d+% \| \d+ published/);
    expect(screen).toContain('Published 2000 to bulk');
  });

  test('a bar while a batch is watched', async () => {
    const { batch_id } = await shop.json<{ batch_id: string }>(['batch', 'start', '--job', 'send_mail={}']);
    const watching = startOnTerminal(`batch status ${batch_id} --watch`);
    // Only now: what has ended before anybody watches is not drawn.
    await watching.says('0% | 0 of 1 | 0 failed');
    const working = shop.start(['work', '--queue', 'mail']);
    const { code, stdout: screen } = await watching.ended;
    expect(code).toBe(0);
    expect(screen).toContain('succeeded: 1 of 1 done');
    expect(screen.lastIndexOf('\u001b[?25h')).toBeGreaterThan(screen.lastIndexOf('\u001b[?25l'));
    working.kill('SIGTERM');
    await working.ended;
  });

  test('pruning batches asks, and takes no for an answer', async () => {
    const no = await onTerminal('batch prune --older-than 1d', { input: 'n\n' });
    expect(no.screen).toContain('Delete every finished batch that ended more than 1d ago?');
    expect({ code: no.code, changed: no.screen.includes('Nothing was changed') }).toEqual({ code: 1, changed: true });
    expect(await onTerminal('batch prune --older-than 0', { input: 'y\n' })).toMatchObject({
      code: 0,
      screen: expect.stringContaining('Pruned 1 batch.'),
    });
  });

  test('a live line with --stats', async () => {
    const { code, screen } = await onTerminal('work --queue none --stats --time-limit 2500ms');
    expect(code).toBe(0);
    expect(screen).toContain('\r\u001b[2K0/s · 0 active');
  });

  test('what happens to deliveries is said in lines, not in JSON', async () => {
    expect((await onTerminal(`publish order_refused '{"why":"no \\u001b[31mmoney"}'`)).code).toBe(0);
    const { code, screen } = await onTerminal('work --stop-when-empty', { env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    expect(screen).toMatch(/\d\d:\d\d:\d\d error \[\d+\] dead letter: gave_up {2}event="order_refused"/);
    expect(screen).not.toMatch(/\u001b\[31m|"level"/);
  });

  test('purging asks, and takes no for an answer', async () => {
    shop.write({ 'more.ndjson': '{"event":"order_created"}\n' });
    expect((await onTerminal('publish order_created --queue asked')).code).toBe(0);
    const no = await onTerminal('queues purge asked', { input: 'n\n' });
    expect(no.screen).toContain('Delete everything that waits in the queue asked (1 for no group yet)?');
    expect({ code: no.code, changed: no.screen.includes('Nothing was changed') }).toEqual({ code: 1, changed: true });
    const yes = await onTerminal('queues purge asked', { input: 'yes\n' });
    expect({ code: yes.code, purged: yes.screen.includes('Purged 1 from asked.') }).toEqual({ code: 0, purged: true });
  });

  test('- with a terminal says what it waits for', async () => {
    const { code, screen } = await onTerminal('publish order_created - --queue typed', { input: '{"a":1}\n\u0004' });
    expect(code).toBe(0);
    expect(screen).toContain('Ctrl-D ends it');
  });
});
