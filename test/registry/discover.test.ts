import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import { discover } from '../../src/registry/discover.js';
import { type Files, project } from '../support/project.js';

const run = (root: string, config: object = {}) => discover(resolveConfig(config, { root, env: {} }));

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

test('a file outside the listener files is named relative to the root', async () => {
  const root = await project({
    'shared/job.ts': `${IMPORT}\n@ThrunJob('a') export class A { handle() {} }`,
    'app/listeners/a.ts': `import '../../shared/job.js';`,
  });
  const { contracts } = await run(join(root, 'app'));
  expect(contracts).toMatchObject([{ file: '../shared/job.ts', line: 2 }]);
});
