import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linesOf } from '../../src/cli/publish/lines.js';
import { LISTENERS, Shop } from './shop.js';

describe('lines of a file', () => {
  async function* chunks(bytes: Uint8Array, size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  test.each([1, 2, 3, 7, 1000])(
    'CRLF, blank lines, a byte order mark, no last newline; read %i bytes at a time',
    async (size) => {
      const bytes = Buffer.from('\uFEFFfirst\r\n\n \t\r\nsecond ü\nthird\r\n\r\nlast');
      const lines = [];
      for await (const { number, bytes: line } of linesOf(chunks(bytes, size), 100))
        lines.push([number, Buffer.from(line).toString()]);
      expect(lines).toEqual([
        [1, 'first'],
        [4, 'second ü'],
        [5, 'third'],
        [7, 'last'],
      ]);
    },
  );

  test('a line that never ends is cut, and not read on', async () => {
    let read = 0;
    async function* endless() {
      for (;;) {
        read += 10;
        yield Buffer.from('x'.repeat(10));
      }
    }
    const lines = [];
    for await (const line of linesOf(endless(), 25)) lines.push(line);
    expect(lines).toMatchObject([{ number: 1, cut: true }]);
    expect(read).toBe(30);
  });
});

describe('thrun publish --ndjson', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = new Shop();
  });
  afterEach(() => shop.dispose());

  const order = (id: number) => `{"event":"order_created","payload":{"order_id":${id}}}`;

  test('each line leaves as it is: spaces, numbers, unknown fields, order', async () => {
    const lines = [
      '{ "event" : "a", "payload": 12345678901234567890, "x": 1.10 }',
      '{"event":"b","meta":{"foreign":"ü","event_id":5}}',
      '{"specversion":"1.0","type":"c","id":"1","source":"/s"}',
    ];
    shop.write({ 'events.ndjson': `\uFEFF${lines.join('\r\n\r\n')}` });
    expect(await shop.json(['publish', '--ndjson', '--file', 'events.ndjson'])).toEqual({
      published: 3,
      failed: 0,
      queues: ['events'],
      transport: 'sqlite',
      seconds: expect.any(Number),
    });
    expect(await shop.received()).toEqual(lines);
  });

  test('from stdin, with or without -, and for people', async () => {
    const input = `${order(1)}\n${order(2)}\n`;
    expect(await shop.json(['publish', '--ndjson', '-'], { input })).toMatchObject({ published: 2 });
    const { code, stdout, stderr } = await shop.run(['publish', '--ndjson'], { input });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Published 2 to events on sqlite in [\d.]+ s\.\n$/);
  });

  test('an empty file publishes nothing, and that is done', async () => {
    expect(await shop.json(['publish', '--ndjson'], { input: '\n\n' })).toMatchObject({
      published: 0,
      failed: 0,
      queues: [],
    });
  });

  test('a bad line is named with its number and reason; what came before it is published', async () => {
    const input = [...Array.from({ length: 602 }, (_, n) => order(n)), '', '{"payload":1}', order(603)].join('\n');
    const { code, stdout, stderr } = await shop.run(['publish', '--ndjson', '--json'], { input });
    expect({ code, document: JSON.parse(stdout) as unknown }).toEqual({
      code: 2,
      document: {
        published: 602,
        failed: 1,
        queues: ['events'],
        line: 604,
        reason: 'missing_event',
        error: { code: 'THRUN_INPUT', message: expect.stringContaining('Published 602; line 604 is not an envelope') },
      },
    });
    expect(stderr).toContain('line 604');
    expect(await shop.received()).toHaveLength(602);
  });

  test.each<[string, string | Uint8Array, string]>([
    ['not JSON', '{"event":"a"', 'invalid_json'],
    ['two documents on a line', '{"event":"a"}{"event":"b"}', 'invalid_json'],
    ['not UTF-8', Buffer.concat([Buffer.from('{"event":"'), Buffer.from([0xff]), Buffer.from('"}')]), 'invalid_utf8'],
    ['a list', '[]', 'not_an_object'],
    ['too large', `{"event":"a","payload":"${'x'.repeat(1024 ** 2)}"}`, 'payload_too_large'],
    ['much too large', `{"event":"a","payload":"${'x'.repeat(3 * 1024 ** 2)}"}`, 'payload_too_large'],
  ])('a line that is %s: 2, %s', async (_what, line, reason) => {
    const input = Buffer.concat([Buffer.from(`${order(1)}\n`), Buffer.from(line)]);
    const { code, stdout } = await shop.run(['publish', '--ndjson', '--json'], { input });
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({ code: 2, published: 1, line: 2, reason });
  });

  test('each goes where the manifest and its own meta say', async () => {
    shop.write(LISTENERS);
    await shop.json(['discover']);
    const input = [
      order(1),
      '{"event":"send_mail"}',
      '{"event":"send_mail","meta":{"deliver_at":"2099-01-01T00:00:00Z"}}',
      '{"event":"sned_mail"}',
    ].join('\n');
    const { stdout, stderr } = await shop.run(['publish', '--ndjson', '--json'], { input });
    expect(JSON.parse(stdout)).toMatchObject({ published: 4, queues: ['events', 'mail'] });
    expect(stderr).toContain('no listener for sned_mail (did you mean send_mail?)');
    expect(await shop.json(['queues'])).toMatchObject([
      { queue: 'events', depth: 2 },
      { queue: 'mail', depth: 1, delayed: 1 },
    ]);
  });

  test('SIGINT mid-way reports how many were published and which line is next, and ends with 1', async () => {
    const publishing = shop.start(['publish', '--ndjson', '--json']);
    // One batch is full, so it goes; the rest waits for more of the file.
    publishing.child.stdin?.write(`${Array.from({ length: 600 }, (_, n) => order(n)).join('\n')}\n`);
    const published = async () => ((await shop.json<readonly { depth: number }[]>(['queues']))[0]?.depth ?? 0) > 0;
    while (!(await published()));
    publishing.kill('SIGINT');
    const { code, stdout, stderr } = await publishing.ended;
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({
      code: 1,
      published: 500,
      failed: 0,
      next_line: 501,
    });
    expect(stderr).toContain('Interrupted: published 500, line 501 is next.');
    expect(await shop.received()).toHaveLength(500);
  });
});
