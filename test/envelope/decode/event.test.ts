import { describe, expect, it } from 'vitest';
import { read, reasonOf, refuse } from './reading.js';

describe('event', () => {
  it('missing', () => {
    expect(reasonOf('{}')).toBe('missing_event');
    expect(refuse('{"payload":1,"meta":{"event_id":"x"}}')).toMatchObject({ reason: 'missing_event', eventId: 'x' });
  });

  it.each(['""', '" "', '"   "'])('empty or only spaces: %s', (event) => {
    expect(reasonOf(`{"event":${event}}`)).toBe('invalid_event');
  });

  it.each(['5', 'null', 'true', '["a"]', '{}', '{"toString":"a"}'])('not a text: %s', (event) => {
    expect(reasonOf(`{"event":${event}}`)).toBe('invalid_event');
  });

  it('at most 255 bytes, not characters', () => {
    expect(read(`{"event":"${'x'.repeat(255)}"}`).event).toHaveLength(255);
    expect(reasonOf(`{"event":"${'x'.repeat(256)}"}`)).toBe('invalid_event');
    expect(read(`{"event":"${'€'.repeat(85)}"}`).event).toHaveLength(85);
    expect(reasonOf(`{"event":"${'€'.repeat(86)}"}`)).toBe('invalid_event');
    expect(reasonOf(`{"event":"${'é'.repeat(128)}"}`)).toBe('invalid_event');
    for (const char of ['x', '🎉', ' ', '\u202e'])
      expect(reasonOf(`{"event":"${char.repeat(200_000)}"}`)).toBe('invalid_event');
  });

  it.each([' ', '\\t', '\\n', '\\r', '\u00a0', '\u2003', '\\u2028', '\\u0085'])('white space %j', (space) => {
    expect(reasonOf(`{"event":"a${space}b"}`)).toBe('invalid_event');
  });

  it.each(['\\u001b', '\\u007f', '\\u009b', '\u202e', '\u2066', '\u200b', '\u200d', '\u00ad', '\ufeff', '\u{e0041}'])(
    'the invisible character %j, which the error does not repeat',
    (char) => {
      const { reason, error } = refuse(`{"event":"a${char}b"}`);
      expect(reason).toBe('invalid_event');
      expect(error).toMatch(/^\P{C}+$/u);
    },
  );

  it.each(['..', 'a/../b', '/etc/passwd', 'App\\Events\\OrderCreated'])('%s is a name, never a path', (name) => {
    expect(read(JSON.stringify({ event: name })).event).toBe(name);
  });

  it('a star stands for patterns only; # > ? are characters', () => {
    for (const name of ['*', 'order.*', '*.created']) expect(reasonOf(`{"event":"${name}"}`)).toBe('invalid_event');
    for (const name of ['order#1', 'a>b', 'why?']) expect(read(`{"event":"${name}"}`).event).toBe(name);
  });

  it('names are told apart by their characters, exactly', () => {
    expect(read('{"event":"Order"}').event).toBe('Order');
    expect(read('{"event":"e\u0301"}').event).toBe('e\u0301');
    expect(read('{"event":"\u00e9"}').event).toBe('\u00e9');
  });

  it.each<[string, object, string]>([
    ['Sidekiq', { class: 'Hard', args: [], jid: 'x' }, 'looks like a Sidekiq job'],
    ['Resque', { class: 'Hard', args: [] }, 'looks like a Resque or Sidekiq job'],
    ['Laravel', { uuid: 'x', displayName: 'X', job: 'Y@call', data: {} }, 'looks like a Laravel job'],
    ['Celery', { body: 'W10=', headers: {}, properties: {} }, 'looks like a Celery task'],
    ['Bull', { name: 'x', data: {}, opts: {} }, 'looks like a Bull job'],
    ['Symfony', { body: '', headers: {} }, 'looks like a Symfony Messenger message'],
    ['another case', { Event: 'a' }, 'field "Event"'],
    ['another name', { type: 'a', data: {} }, 'field "type"'],
  ])('shaped for %s', (_, value, hint) => {
    expect(refuse(JSON.stringify(value))).toMatchObject({
      reason: 'missing_event',
      error: expect.stringContaining(hint),
    });
  });

  it('a payload alone, as the binary mode of CloudEvents has it', () => {
    expect(reasonOf('{"order_id":123}')).toBe('missing_event');
  });
});

describe('payload', () => {
  it('missing is {}', () => {
    expect(read('{"event":"a"}').payload).toEqual({});
  });

  it.each(['null', '5', '"x"', 'false', '[]', '{}'])('%s is a payload', (payload) => {
    expect(read(`{"event":"a","payload":${payload}}`).payload).toEqual(JSON.parse(payload));
  });
});
