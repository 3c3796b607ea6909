import { chmodSync, chownSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { numbered } from '../../../src/testing/conformance/receive.js';
import { SqliteTransport } from '../../../src/transports/sqlite/sqlite-transport.js';
import { failure } from '../../support/project.js';
import { Child } from './child.js';
import { newPath, openTransport, raw } from './file.js';

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

/** The error, of which a person has to be able to tell what file it is about, and what is wrong with it. */
async function refusal(path: string): Promise<string> {
  const transport = new SqliteTransport({ path });
  const { code, message } = await failure(transport.open());
  expect(code).toBe('THRUN_TRANSPORT_UNAVAILABLE');
  expect(message).toContain(path);
  expect(message).not.toContain('    at ');
  await transport.close();
  return message;
}

describe('a file that cannot be used is named, with the reason', () => {
  test('a folder', async () => {
    const path = await newPath();
    mkdirSync(path);
    expect(await refusal(path)).toContain('it is a folder');
  });

  test('a folder that cannot be made', async () => {
    const path = await newPath();
    writeFileSync(path, '');
    expect(await refusal(join(path, 'below', 'thrun.db'))).toMatch(/ENOTDIR|EEXIST/);
  });

  test('something that is no database', async () => {
    const path = await newPath();
    const text = 'This is a shopping list, and a rather long one at that.\n'.repeat(200);
    writeFileSync(path, text);
    expect(await refusal(path)).toContain('not a database');
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('a corrupt header', async () => {
    const path = await newPath();
    await (await openTransport(path)).close();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 0, 100);
    writeFileSync(path, bytes);
    await refusal(path);
  });

  test("another program's database, which is left as it was", async () => {
    const path = await newPath();
    const foreign = await raw(path);
    foreign.exec(
      'CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customer (name) VALUES (1), (2)',
    );
    const before = readFileSync(path);
    expect(await refusal(path)).toContain("not one of thrun's");
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('the format of a later thrun', async () => {
    const path = await newPath();
    await (await openTransport(path)).close();
    (await raw(path)).exec('UPDATE store SET version = 99');
    expect(await refusal(path)).toContain('has format 99');
  });

  test('an empty file is a new one', async () => {
    const path = await newPath();
    writeFileSync(path, '');
    const transport = await openTransport(path);
    expect(await transport.queues.stats()).toEqual([]);
  });

  test('after a refusal the same transport may be opened again', async () => {
    const path = await newPath();
    mkdirSync(path);
    const transport = new SqliteTransport({ path });
    await expect(transport.open()).rejects.toMatchObject({ code: 'THRUN_TRANSPORT_UNAVAILABLE' });
    rmdirSync(path);
    await transport.open();
    await transport.close();
  });
});

// Root may write anywhere, so these are tried by somebody who may not.
const reason = isRoot ? '' : ' (skipped: only root can run a process as somebody else)';
describe.skipIf(!isRoot)(`without the right to write${reason}`, () => {
  const SCRIPT = `
    const transport = new SqliteTransport({ path });
    try {
      await transport.open();
      await transport.publish('events', [message('x')]);
      say('done');
    } catch (error) {
      say(error.code, error.message);
    }
    await transport.close();
  `;

  const asNobody = (script: string, path = '') => new Child(script, [path], { uid: NOBODY, gid: NOBODY }).said();

  /** What it said, or a skip where the repository itself is out of nobody's reach. */
  async function attempt(path: string, { skip }: TestContext): Promise<string> {
    const canRun = await asNobody("say('runs');").catch(() => undefined);
    if (canRun === undefined) skip('nobody may not read this repository');
    return asNobody(SCRIPT, path);
  }

  test('to the folder', async (context) => {
    const path = await newPath();
    chmodSync(dirname(path), 0o755);
    expect(await attempt(path, context)).toMatch(/^THRUN_TRANSPORT_UNAVAILABLE .*thrun\.db/);
  });

  test('to the file', async (context) => {
    const path = await newPath();
    await (await openTransport(path)).close();
    chmodSync(dirname(path), 0o777);
    chmodSync(path, 0o444);
    expect(await attempt(path, context)).toMatch(/^THRUN_TRANSPORT_UNAVAILABLE .*thrun\.db/);
  });

  test('to a file in a folder that is not its own, while another process has it open', async (context) => {
    const path = await newPath();
    const transport = await openTransport(path);
    await transport.publish('events', numbered(1));
    chmodSync(dirname(path), 0o755);
    chmodSync(path, 0o444);
    expect(await attempt(path, context)).toMatch(/^THRUN_TRANSPORT_UNAVAILABLE .*thrun\.db/);
  });

  test('with the right to write it works', async (context) => {
    const path = await newPath();
    chmodSync(dirname(path), 0o755);
    chownSync(dirname(path), NOBODY, NOBODY);
    expect(await attempt(path, context)).toBe('done');
    expect(statSync(path).uid).toBe(NOBODY);
  });
});
