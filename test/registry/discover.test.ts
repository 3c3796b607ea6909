import { join } from 'node:path';
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

const SHOP: Files = {
  'events/user-created.ts': `import { ThrunEvent } from 'thrun';\n\n@ThrunEvent('user_created')\nexport class UserCreated { constructor(readonly userId: number) {} }\n`,
  'listeners/mail/welcome.ts': `${IMPORT}
import { UserCreated } from '../../events/user-created.js';

// class Welcome is not here
@ThrunEventListener([UserCreated, 'payment.*'], {
  retry: { attempts: 3, backoff: 'fixed', delay: '2s' },
  timeout: '30s',
  queue: 'mail',
  concurrency: 4,
})
export class Welcome {
  handle(event: UserCreated) { return event.userId; }
}

@ThrunEventListener('*', { name: 'audit-log' }) export default class { handle = async () => undefined; }
`,
  'listeners/pay.ts': `${IMPORT}
class Plain {}
@ThrunJob('create_payment')
// what it costs
export class CreatePayment extends Plain { constructor(readonly payload: { orderId: number }) { super(); } handle() { return this.payload; } }

class OrderPlaced {}
@ThrunEventListener(OrderPlaced)
export class Ship { handle() {} }
`,
};

const mail = { file: 'listeners/mail/welcome.ts', queue: 'mail', timeout: 30_000, concurrency: 4 };
const retry = { attempts: 3, backoff: 'fixed', delay: 2000 };

const SHOP_CONTRACTS = [
  { contract: '*', kind: 'pattern', listener: 'audit-log', file: 'listeners/mail/welcome.ts', line: 15 },
  {
    contract: 'create_payment',
    kind: 'job',
    listener: 'create_payment',
    class: 'CreatePayment',
    file: 'listeners/pay.ts',
    line: 5,
  },
  { contract: 'order_placed', kind: 'event', listener: 'Ship', class: 'Ship', file: 'listeners/pay.ts', line: 9 },
  { contract: 'payment.*', kind: 'pattern', listener: 'Welcome', class: 'Welcome', line: 11, retry, ...mail },
  { contract: 'user_created', kind: 'event', listener: 'Welcome', class: 'Welcome', line: 11, retry, ...mail },
];

describe('what it finds', () => {
  test.each([
    ['standard', {}],
    ['experimental', { experimentalDecorators: true }],
  ])('in TypeScript with %s decorators, at the lines of the classes', async (_dialect, compilerOptions) => {
    const root = await project({ ...SHOP, 'tsconfig.json': JSON.stringify({ compilerOptions }) });
    const { contracts, events, warnings, files } = await run(root);
    expect(contracts).toMatchObject(SHOP_CONTRACTS);
    expect(events).toEqual([
      { contract: 'user_created', class: 'UserCreated', file: 'events/user-created.ts', line: 4 },
    ]);
    expect(warnings).toEqual([]);
    expect(Object.keys(files).sort()).toEqual(Object.keys(SHOP).sort());
  });

  test('twice the same in one process', async () => {
    const root = await project(SHOP);
    expect(await run(root)).toEqual(await run(root));
  });

  test('in compiled JavaScript, of either dialect', async () => {
    const apply = (decorator: string, name: string) => `${name} = ((d) => d(${name}) ?? ${name})(${decorator});`;
    const root = await project({
      'listeners/a.js': `${IMPORT}\nlet Welcome = class Welcome {\n  handle() {}\n};\n${apply(`ThrunEventListener('a')`, 'Welcome')}\nexport { Welcome };\n`,
      'listeners/b.mjs': `${IMPORT}\nimport './a.js';\nexport class Pay { constructor(payload) { this.payload = payload; } handle() {} }\nThrunJob('pay')(Pay);\n`,
    });
    const { contracts, warnings } = await run(root);
    expect(contracts).toMatchObject([
      { contract: 'a', class: 'Welcome', file: 'listeners/a.js', line: 2 },
      { contract: 'pay', class: 'Pay', file: 'listeners/b.mjs', line: 3 },
    ]);
    expect(warnings).toEqual([]);
  });

  test('a file that another one imported first keeps its listeners', async () => {
    for (const extension of ['js', 'ts']) {
      const root = await project({
        [`listeners/a.${extension}`]: `${IMPORT}\nimport './b.js';\nclass A { handle() {} }\nThrunEventListener('a')(A);\n`,
        [`listeners/b.${extension}`]: `${IMPORT}\n\n\nclass B { handle() {} }\nThrunEventListener('b')(B);\n`,
      });
      const { contracts, warnings } = await run(root);
      expect(contracts).toMatchObject([
        { contract: 'a', file: `listeners/a.${extension}`, line: 3 },
        { contract: 'b', file: `listeners/b.${extension}`, line: 4 },
      ]);
      expect(warnings).toEqual([]);
    }
  });

  test('a job outside the listener files that one of them imports', async () => {
    const root = await project({
      'jobs/pay.ts': `${IMPORT}\n@ThrunJob('pay') export class Pay { constructor(readonly payload: unknown) {} handle() {} }`,
      'listeners/a.ts': `${IMPORT}\nimport { Pay } from '../jobs/pay.js';\n@ThrunEventListener('a') export class A { handle() { return Pay; } }`,
    });
    const { contracts, files } = await run(root);
    expect(contracts).toMatchObject([{ contract: 'a' }, { contract: 'pay', file: 'jobs/pay.ts', line: 2 }]);
    expect(Object.keys(files).sort()).toEqual(['jobs/pay.ts', 'listeners/a.ts']);
  });

  test('a class whose decorator is applied by a helper is found where it is written', async () => {
    const root = await project({
      'lib/on.ts': `${IMPORT}\nexport const OnPayment = (name: string) => ThrunEventListener('payment.' + name);`,
      'listeners/a.ts': `import { OnPayment } from '../lib/on.js';\n\n@OnPayment('made')\nexport class Receipt { handle() {} }`,
    });
    expect((await run(root)).contracts).toMatchObject([{ contract: 'payment.made', file: 'listeners/a.ts', line: 4 }]);
  });

  test('nothing, and says so', async () => {
    const root = await project({});
    const { contracts, files, warnings } = await run(root, { listeners: ['listeners/**/*.ts', 'jobs/*.ts'] });
    expect({ contracts, files }).toEqual({ contracts: [], files: {} });
    expect(warnings).toEqual(['listeners/**/*.ts: no file matches', 'jobs/*.ts: no file matches']);
  });
});

describe('what it warns of', () => {
  test('a file that nobody decorated', async () => {
    const root = await project({
      'listeners/a.ts': `${IMPORT}\n@ThrunEventListener('a') export class A { handle() {} }`,
      'listeners/helper.ts': 'export const one = 1;',
    });
    expect((await run(root)).warnings).toEqual([expect.stringMatching(/^listeners\/helper\.ts: /)]);
  });

  test('event names that differ in case only', async () => {
    const root = await project({
      'listeners/a.ts': `${IMPORT}\n@ThrunEventListener('orderPlaced') export class A { handle() {} }\n@ThrunEventListener('OrderPlaced') export class B { handle() {} }`,
    });
    const [warning, ...more] = (await run(root)).warnings;
    expect(more).toEqual([]);
    expect(warning).toContain('listeners/a.ts:2');
    expect(warning).toContain('listeners/a.ts:3');
  });
});

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

test('a file outside the listener files is named relative to the root', async () => {
  const root = await project({
    'shared/job.ts': `${IMPORT}\n@ThrunJob('a') export class A { handle() {} }`,
    'app/listeners/a.ts': `import '../../shared/job.js';`,
  });
  const { contracts } = await run(join(root, 'app'));
  expect(contracts).toMatchObject([{ file: '../shared/job.ts', line: 2 }]);
});
