import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LISTENERS, Shop } from './shop.js';

let shop: Shop;
beforeAll(async () => {
  shop = new Shop({
    ...LISTENERS,
    // Names that would be commands, if a shell were let near them.
    'listeners/odd.ts': `import { ThrunBatch, ThrunEventListener } from 'thrun';
@ThrunBatch('order')
export class OrderBatch {
  jobs() {
    return [];
  }
}
@ThrunEventListener(['$(touch${'${IFS}'}pwned)', 'App\\\\Order', 'order:paid'])
export class Odd {
  handle() {}
}
`,
  });
  await shop.json(['discover']);
});
afterAll(() => shop.dispose());

/** What a real bash offers after these words, the last of them under the cursor. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const quoted = ['thrun', ...words].map((word) => `'${word}'`).join(' ');
  const { code, stdout, stderr } = await shop.shell(`source <(thrun completion bash)
compopt() { :; }
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}
_thrun
printf '%s\\n' "\${COMPREPLY[@]}"`);
  if (code !== 0) throw new Error(stderr);
  return stdout.split('\n').filter(Boolean);
}

describe('bash', () => {
  test('commands, of groups too, and their flags', async () => {
    expect([...(await offered(''))].sort()).toEqual([
      ...['batch', 'bridge', 'completion', 'discover', 'doctor', 'failed', 'health', 'help', 'init', 'publish'],
      ...['queues', 'replay', 'work'],
    ]);
    expect(await offered('pub')).toEqual(['publish']);
    expect(await offered('failed', '')).toEqual(['list', 'show', 'retry', 'forget', 'help']);
    expect(await offered('failed', 'retry', '--a')).toEqual(['--all']);
    expect(await offered('work', '--m')).toEqual(['--memory-limit']);
    expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  test('contract names for publish, as they are to be typed, and none of them is run', async () => {
    expect(await offered('publish', 'order_')).toEqual(['order_created', 'order_refused']);
    expect(await offered('publish', '')).toEqual(expect.arrayContaining(['send_mail', 'App\\\\Order', 'order:paid']));
    expect(await offered('publish', '')).not.toContain('payment.*');
    expect(shop.has('pwned')).toBe(false);
    // The payload is no name, nor is what follows a flag that takes a value.
    expect(await offered('publish', 'order_created', '')).toEqual([]);
    expect(await offered('publish', '--key', '')).toEqual([]);
    expect(await offered('publish', '--key', 'k', 'order_c')).toEqual(['order_created']);
  });

  test('names of batches, and files, for batch start', async () => {
    expect(await offered('batch', 'st')).toEqual(['start', 'status']);
    expect(await offered('batch', 'start', '')).toEqual(['order']);
    expect(await offered('batch', 'start', 'order', '')).toEqual([]);
    expect(await offered('batch', 'start', '--al')).toEqual(['--allow-failures']);
    expect(await offered('batch', 'prune', '--o')).toEqual(['--older-than']);
  });

  test('where nothing is known, nothing is said', async () => {
    const blank = new Shop({ '.thrun/registry.json': '{' });
    expect(await blank.run(['complete-names'])).toEqual({ code: 0, stdout: '', stderr: '' });
    await blank.dispose();
  });
});

test.each([
  ['zsh', ['-n']],
  ['fish', ['--no-execute']],
])('%s: a script with every command, which the shell can read where it is installed', async (shell, check) => {
  const { code, stdout } = await shop.run(['completion', shell]);
  expect(code).toBe(0);
  for (const word of ['publish', 'failed', 'stop-when-empty', 'complete-names']) expect(stdout).toContain(word);
  shop.write({ script: stdout });
  const read = spawnSync(shell, [...check, shop.path('script')], { encoding: 'utf8' });
  if (read.error === undefined) expect(read.stderr).toBe('');
});

test('the shell is that of $SHELL where none is named; --json', async () => {
  expect(
    JSON.parse((await shop.run(['completion', '--json'], { env: { SHELL: '/usr/bin/zsh' } })).stdout),
  ).toMatchObject({ shell: 'zsh' });
  expect(await shop.run(['completion'], { env: { SHELL: '/bin/sh' } })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Name the shell'),
  });
});
