import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cli } from '../../src/cli/cli.js';
import { buildProgram } from '../../src/cli/program.js';
import type { Ended } from '../support/command.js';
import { Shop } from './shop.js';

let shop: Shop;
beforeAll(() => {
  shop = new Shop({ 'payload.json': '{"a":1}' });
});
afterAll(() => shop.dispose());

/** `failed list` and so on, from the tree itself. */
async function everyCommand(): Promise<readonly string[]> {
  const pathsOf = (command: Command, path: string): string[] => [
    path,
    ...command.commands.flatMap((child) => pathsOf(child, `${path} ${child.name()}`.trim())),
  ];
  return pathsOf(await buildProgram({ exitCode: 0 } as Cli), '');
}

test('every command has a help on stdout with an example and the flags that all have', async () => {
  const paths = await everyCommand();
  expect(paths).toEqual(expect.arrayContaining(['', 'publish', 'failed list', 'queues purge', 'complete-names']));
  for (const path of paths) {
    const { code, stdout, stderr } = await shop.run([...path.split(' ').filter(Boolean), '--help']);
    expect(`${path}: ${code} ${stderr}`).toBe(`${path}: 0 `);
    expect(stdout, path).toMatch(/Examples?:\n  \$ (?:thrun|echo)/);
    for (const flag of ['--config <file>', '--json', '--verbose']) expect(stdout, path).toContain(flag);
  }
});

test('--version prints the version of the package', async () => {
  const { code, stdout } = await shop.run(['--version']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

describe('wrong usage and bad input end with 2, nothing on stdout, and say what to do', () => {
  const refused = ({ code, stdout, stderr }: Ended, ...texts: string[]) => {
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const text of texts) expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/^\s+at /m);
  };

  test.each<[string, readonly string[], string]>([
    ['no command', [], 'A command is missing'],
    ['unknown command', ['publsh'], 'Did you mean publish?'],
    ['unknown command of a group', ['failed', 'lst'], 'Did you mean list?'],
    ['unknown flag', ['work', '--concurency', '3'], 'Did you mean --concurrency?'],
    ['missing argument', ['queues', 'purge'], 'See "thrun queues purge --help"'],
    ['missing value', ['publish', 'x', '--key'], "'--key <key>' argument missing"],
    ['too many arguments', ['publish', 'x', '{}', '{}'], 'Too many arguments'],
    ['no event', ['publish'], 'Name the event'],
    ['payload that is not JSON', ['publish', 'x', '{"a":1,}'], 'line 1, column 8 (byte 7): a comma before "}"'],
    ['payload a shell took the quotes of', ['publish', 'x', '{order_id:1}'], 'single quotes'],
    ['file that is missing', ['publish', 'x', '--file', 'missing.json'], 'there is no such file'],
    ['file that is a directory', ['publish', 'x', '--file', '.'], 'it is a directory'],
    ['payload twice', ['publish', 'x', '{}', '--file', 'payload.json'], 'given twice'],
    ['payload twice, once on stdin', ['publish', 'x', '-', '--file', 'payload.json'], 'on stdin and by --file'],
    ['stdin closed early', ['publish', 'x', '-'], 'is empty'],
    ['event name with a space', ['publish', 'a b'], 'white space (U+0020)'],
    ['event that is a pattern', ['publish', 'payment.*'], 'patterns of listeners only'],
    ['event --ndjson does not take', ['publish', 'x', '--ndjson'], 'takes no event'],
    [
      'flag --ndjson does not take',
      ['publish', '--ndjson', '--expires-at', '2030-01-01T00:00:00Z'],
      '--expires-at does not go',
    ],
    [
      'delay and time at once',
      ['publish', 'x', '--delay', '1s', '--at', '2030-01-01T00:00:00Z'],
      'cannot be used with',
    ],
    ['delay that is none', ['publish', 'x', '--delay', '-5s'], 'Give a duration'],
    ['time that is none', ['publish', 'x', '--at', '2030-02-31T00:00:00Z'], 'RFC 3339'],
    ['id that is none', ['publish', 'x', '--id', 'a b'], 'event_id'],
    ['queue that is none', ['publish', 'x', '--queue', 'a\nb'], 'Give a name'],
    ['transport that is none', ['publish', 'x', '--transport', 'redis'], '--transport: expected "sqlite"'],
    ['concurrency in words', ['work', '--concurrency', 'ten'], 'from 1 to 10000'],
    ['no processes', ['work', '--processes', '0'], 'from 1 to 1024'],
    ['half a delivery', ['work', '--limit', '1.5'], 'whole number'],
    ['a time limit of nothing', ['work', '--time-limit', '0'], 'longer than 0'],
    ['a time limit beyond a timer', ['work', '--time-limit', '30d'], 'at most 24d'],
    ['memory that is none', ['work', '--memory-limit', 'lots'], '512M'],
    ['memory that no process does with', ['work', '--memory-limit', '100K'], 'at least 1M'],
    ['an empty queue in a list', ['work', '--queue', 'a,,b'], 'Give a name'],
    ['a pattern that is none', ['work', '--only', ''], 'Give an event name or a pattern'],
    ['ids and --all', ['failed', 'retry', '1', '--all'], 'not both'],
    ['neither ids nor --all', ['failed', 'forget'], 'or --all'],
    ['filters with ids', ['failed', 'retry', '1', '--event', 'x'], 'go with --all'],
    ['since when', ['failed', '--since', 'yesterday'], 'Give a duration'],
    ['a day for a time, which is no position', ['replay', '--since', '2026-01-01'], 'Give a time (2026-01-01T12:'],
    ['a shell there is none for', ['completion', 'tcsh'], 'bash, zsh, fish'],
    ['a config that is not there', ['queues', '--config', 'nope.ts'], 'There is no config at'],
  ])('%s', async (_what, args, text) => {
    refused(await shop.run(args), text);
    expect(shop.has('.thrun/thrun.db')).toBe(false);
  });

  test('an event that starts with - after --', async () => {
    const own = new Shop();
    const { code, stdout } = await own.run(['publish', '--json', '--', '-order', '{}']);
    expect({ code, event: (JSON.parse(stdout) as { event: string }).event }).toEqual({ code: 0, event: '-order' });
    await own.dispose();
  });

  test('payload that is not UTF-8, or larger than the limit', async () => {
    refused(await shop.run(['publish', 'x', '-'], { input: Buffer.from([0x22, 0xff, 0x22]) }), 'not UTF-8');
    refused(await shop.run(['publish', 'x', '-'], { input: `"${'a'.repeat(1024 ** 2)}"` }), 'limit of 1048576 bytes');
    refused(await shop.run(['publish', 'x', '['.repeat(300) + ']'.repeat(300)]), 'nested deeper than 200');
  });

  test('with --json the error is the one document on stdout, and text on stderr all the same', async () => {
    for (const args of [
      ['--json', 'publsh'],
      ['publish', 'x', '{', '--json'],
      ['publish', '--json', '--nope'],
    ]) {
      const { code, stdout, stderr } = await shop.run(args);
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
      expect({ code, error }).toEqual({
        code: 2,
        error: { code: expect.stringMatching(/^THRUN_/), message: expect.any(String) },
      });
      expect(stderr).toContain(error.message);
    }
  });

  test('--verbose adds where an error comes from', async () => {
    const { stderr } = await shop.run(['publish', 'x', '{', '--verbose']);
    expect(stderr).toMatch(/^\s+at /m);
  });

  test('a flag before the name of the command is heard too', async () => {
    shop.write({ 'other/thrun.config.json': '{"queue":"other","transports":{"sqlite":{"path":"other.db"}}}' });
    const { stdout } = await shop.run(['--config', 'other/thrun.config.json', '--json', 'publish', 'x']);
    expect(JSON.parse(stdout)).toMatchObject({ queue: 'other' });
  });
});
