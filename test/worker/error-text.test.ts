import { describe, expect, test } from 'vitest';
import { errorText, stackText } from '../../src/worker/error-text.js';

const circle: Record<string, unknown> = { code: 7 };
circle['self'] = circle;
const circular = new Error('round');
circular.cause = circular;
const hostile = Object.defineProperty(new Error('x'), 'message', {
  get() {
    throw new Error('not even this');
  },
});
const trap = {
  get code() {
    throw new Error('nothing to see');
  },
};

describe('whatever is thrown can be kept and shown', () => {
  test.each<[string, unknown, string]>([
    ['a string', 'the till is closed', 'the till is closed'],
    ['nothing', undefined, 'thrown: undefined'],
    ['null', null, 'thrown: null'],
    ['a number', 10n, 'thrown: 10'],
    ['a symbol', Symbol('s'), 'thrown: Symbol(s)'],
    ['an object', { code: 7 }, '{"code":7}'],
    ['an error', new TypeError('no till'), 'TypeError: no till'],
    ['an error with a cause', new Error('a', { cause: new Error('b') }), 'Error: a (cause: b)'],
    ['an error with any cause', new Error('a', { cause: { code: 7 } }), 'Error: a (cause: {"code":7})'],
    ['an error that is its own cause', circular, 'Error: round (cause: round)'],
    ['an error whose message throws', hostile, 'something was thrown that cannot be shown'],
    ['an object whose properties throw', trap, '{ code: [Getter] }'],
    ['a URL with a password', new Error('no redis://u:hunter2@h'), 'Error: no redis://u:***@h'],
  ])('%s', (_, thrown, text) => {
    expect(errorText(thrown)).toBe(text);
  });

  test('a stack has no passwords either', () => {
    expect(stackText(new Error('no redis://u:hunter2@h'))).toMatch(/^Error: no redis:\/\/u:\*{3}@h\n/);
  });

  test('an object that holds itself is shown with its circle cut', () => {
    expect(errorText(circle)).toContain('code: 7');
    expect(errorText({ amount: 12n })).toContain('12n');
  });

  test('it is never long', () => {
    expect(errorText(new Error('x'.repeat(1_000_000))).length).toBeLessThan(4100);
    expect(errorText({ text: 'x'.repeat(1_000_000), circle }).length).toBeLessThan(4100);
  });

  test('a stack where there is one, else the text', () => {
    expect(stackText(new Error('boom'))).toMatch(/^Error: boom\n +at .*error-text\.test/);
    const stackless = Object.defineProperty(new Error('boom'), 'stack', {
      get() {
        throw new Error('no stack');
      },
    });
    expect(stackText(stackless)).toBe('Error: boom');
    expect(stackText('a string')).toBe('a string');
  });
});
