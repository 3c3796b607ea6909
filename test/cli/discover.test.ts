import { afterEach, beforeEach, expect, test } from 'vitest';
import { LISTENERS, Shop } from './shop.js';

let shop: Shop;
beforeEach(() => {
  shop = new Shop(LISTENERS);
});
afterEach(() => shop.dispose());

test('writes the manifest and prints contract, kind, class, queue and place', async () => {
  const { code, stdout, stderr } = await shop.run(['discover']);
  expect(code).toBe(0);
  expect(stdout.split('\n').map((line) => line.split(/\s+/))).toEqual([
    ['CONTRACT', 'KIND', 'CLASS', 'QUEUE', 'FILE'],
    ['order_created', 'event', 'OrderCreated', 'listeners/all.ts:4'],
    ['order_refused', 'event', 'OrderRefused', 'listeners/all.ts:11'],
    ['payment.*', 'pattern', 'PaymentAudit', 'listeners/all.ts:18'],
    ['send_mail', 'job', 'SendMail', 'mail', 'listeners/all.ts:25'],
    [''],
  ]);
  expect(stderr).toBe('.thrun/registry.json is written.\n');
});

test('--json prints what it writes; the same input gives the same bytes', async () => {
  const printed = await shop.json(['discover']);
  const first = shop.read('.thrun/registry.json');
  expect(JSON.parse(first)).toEqual(printed);
  const { stderr } = await shop.run(['discover']);
  expect(stderr).toContain('was up to date');
  expect(shop.read('.thrun/registry.json')).toBe(first);
});

test('--check: 1 without a manifest and with a stale one, whose files it names; it writes nothing', async () => {
  expect(await shop.run(['discover', '--check'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('does not exist'),
  });
  expect(shop.has('.thrun/registry.json')).toBe(false);
  await shop.run(['discover']);
  expect((await shop.run(['discover', '--check'])).code).toBe(0);
  const before = shop.read('.thrun/registry.json');

  shop.write({
    'listeners/more.ts': `import { ThrunEvent } from 'thrun';\n@ThrunEvent('seen')\nexport class Seen {}\n`,
  });
  const stale = await shop.run(['discover', '--check', '--json']);
  expect({ code: stale.code, ...(JSON.parse(stale.stdout) as object) }).toEqual({
    code: 1,
    error: { code: 'THRUN_MANIFEST_STALE', message: expect.stringContaining('listeners/more.ts is new') },
  });
  expect(shop.read('.thrun/registry.json')).toBe(before);
});

test('a file that cannot be used is named with its line, and fails the command', async () => {
  shop.write({ 'listeners/bad.ts': 'export const a = 1;\nexport const b = ;\n' });
  expect(await shop.run(['discover'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('listeners/bad.ts:2'),
  });
});

test('what is odd is a warning on stderr: a file without a decorator', async () => {
  shop.write({ 'listeners/helper.ts': 'export const a = 1;\n' });
  expect(await shop.run(['discover'])).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('warning: listeners/helper.ts: no decorated class'),
  });
});

test('no listeners at all is said', async () => {
  const empty = new Shop();
  expect(await empty.run(['discover'])).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('No listeners were found'),
  });
  await empty.dispose();
});

test('what a listener prints while it is loaded, and what it leaves open, is kept out of the way', async () => {
  shop.write({
    'listeners/loud.ts': `console.log('loading');\nprocess.stdout.write('raw\\n');\nsetInterval(() => undefined, 1000);\n`,
  });
  const { code, stdout, stderr } = await shop.run(['discover', '--json']);
  expect({ code, contracts: (JSON.parse(stdout) as { contracts: unknown[] }).contracts.length }).toEqual({
    code: 0,
    contracts: 4,
  });
  expect(stderr).toContain('loading\nraw\n');
});
