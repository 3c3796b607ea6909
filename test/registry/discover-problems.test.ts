import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import { discover } from '../../src/registry/discover.js';
import { failure, type Files, project } from '../support/project.js';

const run = (root: string, config: object = {}) => discover(resolveConfig(config, { root, env: {} }));

/** The lines discovery fails with for these files. */
async function problems(files: Files, options?: Parameters<typeof project>[1]): Promise<readonly string[]> {
  const root = await project(files, options);
  const { code, message } = await failure(run(root));
  expect(code).toBe('THRUN_DISCOVERY_FAILED');
  expect(message).not.toContain(root);
  return message
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

const IMPORT = `import { ThrunEvent, ThrunEventListener, ThrunJob } from 'thrun';`;

describe('what it fails on, everything at once', () => {
  test('names that clash, each with both places', async () => {
    const lines = await problems({
      'listeners/a.ts': `${IMPORT}
@ThrunEventListener('a') export class Twin { handle() {} }
@ThrunJob('pay') export class Pay { handle() {} }
@ThrunJob('ship', { name: 'one' }) export class Ship { handle() {} }
@ThrunEventListener('b', { name: 'refund' }) export class Refunded { handle() {} }`,
      'listeners/b.ts': `${IMPORT}
@ThrunEventListener('b') export class Twin { handle() {} }
@ThrunJob('pay') export class PayAgain { handle() {} }
@ThrunJob('ship', { name: 'two' }) export class ShipAgain { handle() {} }
@ThrunEventListener(['x', 'pay']) export class Spy { handle() {} }
@ThrunJob('refund') export class Refund { handle() {} }
@ThrunEventListener('p*') export class MayHear { handle() {} }`,
    });
    const about = (place: string) => lines.filter((line) => line.startsWith(`${place}: `)).join('\n');
    expect(about('listeners/b.ts:2')).toMatch(/Twin.*listeners\/a\.ts:2/);
    expect(about('listeners/b.ts:3')).toMatch(/two handlers.*listeners\/a\.ts:3/);
    expect(about('listeners/b.ts:4')).toMatch(/two handlers.*listeners\/a\.ts:4/);
    expect(about('listeners/b.ts:5')).toMatch(/pay is a job/);
    expect(about('listeners/b.ts:6')).toMatch(/refund.*listeners\/a\.ts:5/);
    expect(about('listeners/b.ts:7')).toBe('');
  });

  test('bad options and names, by their place and path', async () => {
    const lines = await problems({
      'listeners/a.ts': `${IMPORT}
@ThrunEventListener('a', { retry: { attempts: 0 } }) export class A { handle() {} }
@ThrunEventListener('b', { timeout: 'soon' }) export class B { handle() {} }
@ThrunEventListener('c', { concurrency: 0 }) export class C { handle() {} }
@ThrunEventListener('d', { queue: 'a queue' }) export class D { handle() {} }
@ThrunEventListener('e e') export class E { handle() {} }
@ThrunEventListener('') export class F { handle() {} }
@ThrunJob('pay.*') export class G { handle() {} }
@ThrunEvent('${'x'.repeat(256)}') export class H {}
@ThrunEventListener([]) export class I { handle() {} }
@ThrunEventListener(['j', 'j']) export class J { handle() {} }
@ThrunEventListener('k', { retries: 3 } as object) export class K { handle() {} }
@ThrunEventListener('l', { retry: { delay: '1h' } }) export class L { handle() {} }
@ThrunEventListener('m', null as never) export class M { handle() {} }
@ThrunEventListener(7 as never) export class N { handle() {} }
@ThrunEventListener('o', { schema: {} as never }) export class O { handle() {} }`,
    });
    const expected = [
      'attempts',
      'timeout',
      'concurrency',
      'queue',
      'e e',
      '""',
      'pay.*',
      'xxx',
      'nothing',
      'twice',
      'retr',
      'delay',
    ];
    expected.push('options', '7', 'Standard Schema');
    for (const [index, part] of expected.entries()) {
      expect(lines.filter((line) => line.startsWith(`listeners/a.ts:${index + 2}: `))).toEqual([
        expect.stringContaining(part),
      ]);
    }
    expect(lines).toHaveLength(expected.length);
  });

  test('a class without handle(), without a name, and what is no class', async () => {
    const bad = `${IMPORT}
@ThrunEventListener('a') export class A { hanlde() {} }
@ThrunJob('b') export class B { constructor(readonly payload: unknown) {} }
@ThrunEventListener('c') export default class { handle() {} }
class Base { handle() {} }
@ThrunEventListener('d') export class D extends Base {}
@ThrunEventListener('e') export class E { handle = () => undefined; }
`;
    const lines = await problems({ 'listeners/a.ts': bad });
    expect(lines).toEqual([
      expect.stringMatching(/^listeners\/a\.ts:2: .*handle\(\)/),
      expect.stringMatching(/^listeners\/a\.ts:3: .*handle\(\)/),
      expect.stringMatching(/^listeners\/a\.ts:4: .*name/),
    ]);
  });

  test.each([
    ['standard', {}],
    ['experimental', { experimentalDecorators: true }],
  ])('a decorator on a method (%s)', async (_dialect, compilerOptions) => {
    const lines = await problems({
      'tsconfig.json': JSON.stringify({ compilerOptions }),
      'listeners/a.ts': `${IMPORT}\nexport class A {\n  @(ThrunEventListener('a') as any) handle() {}\n}\n`,
    });
    expect(lines).toEqual([expect.stringMatching(/^listeners\/a\.ts:\d+: .*class/)]);
  });

  test('a class event that is not there yet, because two files import each other', async () => {
    const lines = await problems({
      'listeners/a.js': `import './b.js';\nexport class Created {}`,
      'listeners/b.js': `${IMPORT}\nimport * as a from './a.js';\nconst soon = () => { try { return a.Created; } catch { return undefined; } };\nclass B { handle() {} }\nThrunEventListener([soon()])(B);`,
    });
    expect(lines).toEqual([expect.stringMatching(/^listeners\/b\.js:4: .*undefined/)]);
  });

  test('a module that throws, by the line that threw; the others are still looked at', async () => {
    const lines = await problems({
      'lib/db.ts': `interface Options { url?: string }\n\nexport function connect(_: Options): never {\n  throw new Error('no database');\n}`,
      'listeners/a.ts': `interface A { b: 1 }\n\nthrow new TypeError('boom');\nexport type { A };`,
      'listeners/b.ts': `import { connect } from '../lib/db.js';\nconnect({});`,
      'listeners/c.ts': `${IMPORT}\n@ThrunJob('c', { concurrency: -1 }) export class C { handle() {} }`,
      'listeners/d.ts': `await Promise.resolve();\nthrow null;`,
    });
    expect(lines).toEqual([
      expect.stringMatching(/^listeners\/a\.ts:3: .*boom/),
      expect.stringMatching(/^lib\/db\.ts:4: .*no database/),
      expect.stringMatching(/^listeners\/d\.ts: .*null/),
      expect.stringMatching(/^listeners\/c\.ts:2: .*concurrency/),
    ]);
  });

  test('a module that throws, a syntax error and a missing package in JavaScript', async () => {
    const lines = await problems(
      {
        'listeners/a.mjs': `\n\nthrow new Error('boom');`,
        'listeners/b.mjs': `\n\nexport const = 1;`,
        'listeners/c.mjs': `\nimport 'not-installed';`,
        'listeners/d.mjs': `\nimport './e.txt.mjs';`,
      },
      { thrun: false },
    );
    expect(lines).toEqual([
      expect.stringMatching(/^listeners\/a\.mjs:3: .*boom/),
      expect.stringMatching(/^listeners\/b\.mjs:3:14: /),
      expect.stringMatching(/^listeners\/c\.mjs:2: .*npm install not-installed/),
      expect.stringMatching(/^listeners\/d\.mjs:2: .*e\.txt\.mjs/),
    ]);
  });

  test('thrun itself is not installed', async () => {
    const lines = await problems(
      { 'listeners/a.ts': `\n${IMPORT}\n@ThrunJob('a') export class A { handle() {} }` },
      { thrun: false },
    );
    expect(lines).toEqual([expect.stringMatching(/^listeners\/a\.ts:2: .*npm install thrun/)]);
  });

  test('decorators in JavaScript, which Node cannot read', async () => {
    const lines = await problems({ 'listeners/a.js': `${IMPORT}\n@ThrunJob('a')\nexport class A { handle() {} }` });
    expect(lines).toEqual([expect.stringMatching(/^listeners\/a\.js(:\d+)*: /)]);
  });
});
