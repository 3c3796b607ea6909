import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/cli/doctor/check.js';
import { checkNames, checkNode } from '../../src/cli/doctor/project-checks.js';
import { checkBacklog } from '../../src/cli/doctor/transport-checks.js';
import { LISTENERS, Shop } from './shop.js';

describe('thrun doctor', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = new Shop(LISTENERS);
  });
  afterEach(() => shop.dispose());

  async function findings(): Promise<Readonly<Record<string, Finding>> & { readonly code: number }> {
    const { code, stdout } = await shop.run(['doctor', '--json']);
    const list = JSON.parse(stdout) as readonly Finding[];
    for (const finding of list) expect(Object.keys(finding)).toEqual(['check', 'status', 'detail', 'fix']);
    return { ...Object.fromEntries(list.map((finding) => [finding.check, finding])), code } as never;
  }

  test('a project in order: all ok, 0', async () => {
    await shop.json(['discover']);
    const { code, ...checks } = await findings();
    expect(checks['transport']?.detail).toMatch(/^sqlite is reachable, SQLite 3\.\d+\.\d+$/);
    expect(Object.entries(checks).map(([name, { status }]) => `${name} ${status}`)).toEqual(
      ['node', 'config', 'listeners', 'manifest', 'names', 'rights', 'transport', 'backlog', 'dead letters'].map(
        (name) => `${name} ok`,
      ),
    );
    expect(code).toBe(0);
  });

  test('a missing and a stale manifest are warnings, and say how to mend them', async () => {
    expect(await findings()).toMatchObject({ code: 0, manifest: { status: 'warn', fix: 'Run "thrun discover".' } });
    await shop.json(['discover']);
    shop.write({
      'listeners/more.ts': `import { ThrunEvent } from 'thrun';\n@ThrunEvent('seen')\nexport class Seen {}\n`,
    });
    expect(await findings()).toMatchObject({
      code: 0,
      manifest: { status: 'warn', detail: 'stale: listeners/more.ts is new' },
    });
  });

  test('listeners that cannot be loaded fail, with their place; the rest is checked all the same', async () => {
    shop.write({ 'listeners/bad.ts': 'export const b = ;' });
    expect(await findings()).toMatchObject({
      code: 1,
      listeners: { status: 'fail', detail: expect.stringContaining('listeners/bad.ts:1') },
      transport: { status: 'ok' },
    });
  });

  test('a config that is wrong fails, and its secrets are not shown', async () => {
    shop.write({ 'thrun.config.json': '{"transport":"amqp://me:hunter2@host"}' });
    const { code, stdout, stderr } = await shop.run(['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^fail {2}config: /m);
    expect(stdout).toMatch(/^ {6}→ Mend what is named/m);
    expect(stdout + stderr).not.toContain('hunter2');
  });

  test('a transport that cannot be opened fails', async () => {
    shop.write({ 'thrun.config.json': '{"transports":{"sqlite":{"path":"listeners"}}}' });
    expect(await findings()).toMatchObject({ code: 1, transport: { status: 'fail' } });
  });

  test.runIf(process.getuid?.() !== 0)(
    'a folder that cannot be written to is named (needs a user that is not root)',
    async () => {
      chmodSync(shop.folder, 0o555);
      expect(await findings()).toMatchObject({
        code: 1,
        rights: { status: 'fail', detail: expect.stringContaining(shop.folder) },
      });
      chmodSync(shop.folder, 0o755);
    },
  );

  test('dead letters are a warning', async () => {
    await shop.json(['publish', 'order_refused', '{"why":"no"}']);
    await shop.run(['work', '--stop-when-empty']);
    expect(await findings()).toMatchObject({ code: 0, 'dead letters': { status: 'warn', detail: '1' } });
  });
});

test('a Node that is too old fails', () => {
  expect(checkNode('20.18.9').status).toBe('fail');
  expect(checkNode('18.20.0').status).toBe('fail');
  expect(checkNode('20.19.0').status).toBe('ok');
  expect(checkNode('24.1.0').status).toBe('ok');
});

test('names that differ in case, separators or normalisation are pointed out', () => {
  const entry = (contract: string) => ({
    contract,
    kind: 'event' as const,
    listener: 'L',
    class: 'L',
    file: 'a.ts',
    line: 1,
  });
  const names = ['order_created', 'OrderCreated', 'order.created', 'caf\u00e9', 'cafe\u0301', 'payment_made'];
  const { status, detail } = checkNames({ contracts: names.map(entry), events: [] });
  expect({ status, detail }).toEqual({
    status: 'warn',
    detail: 'OrderCreated and order.created and order_created; cafe\u0301 and caf\u00e9',
  });
});

test('a group nobody consumes for shows by the age of what waits', () => {
  const row = { queue: 'events', depth: 3, inFlight: 0, delayed: 0, dead: 0, nextRetryMs: undefined };
  expect(checkBacklog([{ ...row, group: 'shop', oldestAgeMs: 3_600_000 }])).toMatchObject({
    status: 'warn',
    detail: 'events, group shop: 3 wait, the oldest for 1h',
  });
  expect(checkBacklog([{ ...row, group: 'shop', oldestAgeMs: 1000 }]).status).toBe('ok');
});
