import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Shop } from '../shop.js';
import { LISTENERS } from './batch-shop.js';

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

  test.each([['list'], ['status', 'x'], ['prune', '--yes'], ['start', 'order', '{"orderId":1}']])(
    'where no place for batches is said: %s',
    async (...args) => {
      const { code, stdout, stderr } = await bare.run(['batch', ...args], { env: { THRUN_TRANSPORT: 'rabbitmq' } });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('Say in the config where they are to be kept: batches: { store: "redis" }');
    },
  );

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
