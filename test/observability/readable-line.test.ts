import { expect, test } from 'vitest';
import { readableLine } from '../../src/observability/readable-line.js';

const line = (fields: object) =>
  readableLine(`${JSON.stringify({ level: 40, time: Date.now(), pid: 4711, ...fields })}\n`);

test('time, level, process, words, then what the words leave out', () => {
  expect(line({ kind: 'retried', attempt: 1, error: 'Error: closed', msg: 'order_created failed' })).toMatch(
    /^\d\d:\d\d:\d\d warn {2}\[4711\] order_created failed {2}attempt=1 error="Error: closed"\n$/,
  );
  expect(line({ level: 30, msg: 'ready' })).toMatch(/^\d\d:\d\d:\d\d info {2}\[4711\] ready\n$/);
});

test('a stack keeps its lines; nothing else moves the cursor or hides', () => {
  expect(line({ stack: 'Error: a\n    at b\u001b[2J', msg: 'where it failed' })).toMatch(
    /where it failed\nError: a\n {4}at b\\u\{1b\}\[2J\n$/,
  );
  const hostile = line({ msg: 'a\nb\u001b[2J', error: '\u202e\u200b\u009b1A\u3164\ud800', 'x\u001b': 1 });
  expect(hostile.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
});

test('what is no line of the logger is passed on', () => {
  expect(readableLine('plain\n')).toBe('plain\n');
});
