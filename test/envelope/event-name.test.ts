import { describe, expect, it } from 'vitest';
import { eventNameProblem } from '../../src/envelope/index.js';

describe('eventNameProblem', () => {
  it.each([
    'a',
    'order_created',
    'order.created.v2',
    'App\\Events\\OrderCreated',
    'urn:example:order/created#1',
    '..',
    'заказ',
    '注文',
    '🎉',
    'constructor',
    '__proto__',
    'x'.repeat(255),
    '€'.repeat(85),
  ])('takes %j', (name) => {
    expect(eventNameProblem(name)).toBeUndefined();
  });

  it.each<[unknown, string]>([
    ['', 'it is empty'],
    [' ', 'white space (U+0020) at position 1'],
    ['a\tb', 'white space (U+0009) at position 2'],
    ['a\u3000b', 'white space (U+3000)'],
    ['order.*', '"*" at position 7'],
    ['a\0', 'the invisible character U+0000'],
    ['a\u200bb', 'the invisible character U+200B'],
    ['a\u{e0001}b', 'the invisible character U+E0001'],
    ['a\udc00', 'half a surrogate pair (U+DC00)'],
    ['x'.repeat(256), '256 bytes of UTF-8, the most is 255'],
    ['€'.repeat(86), '258 bytes of UTF-8, the most is 255'],
    [5, 'must be a string, and is the number 5'],
    [null, 'must be a string, and is null'],
    [undefined, 'must be a string, and is undefined'],
    [['a'], 'must be a string, and is an array'],
    [{}, 'must be a string, and is an object'],
  ])('refuses %j and says why', (name, why) => {
    expect(eventNameProblem(name)).toContain(why);
  });
});
