import { describe, expect, test } from 'vitest';
import { decode, Undecodable } from '../../src/envelope/index.js';

const ORIGIN = { transport: 'test', id: '1', publishedAt: undefined, receivedAt: 0 };
const LIMITS = { maxBytes: 1000, maxDepth: 10, maxMetaBytes: 200 };
const ATTRIBUTES = {
  specversion: '1.0',
  type: 'order_created',
  id: 'e-1',
  source: '/php',
  time: '2026-01-01T00:00:00Z',
};

function read(body: string | Uint8Array, attributes: Readonly<Record<string, string>>) {
  return decode(typeof body === 'string' ? Buffer.from(body) : body, ORIGIN, LIMITS, attributes);
}

describe('a CloudEvent in binary mode', () => {
  test('attributes are meta under their own names, the body is the payload', () => {
    const datacontenttype = 'application/json; charset=utf-8';
    expect(read('{"a":[1.10]}', { ...ATTRIBUTES, datacontenttype, tenant: 'eu' })).toEqual({
      event: 'order_created',
      payload: { a: [1.1] },
      meta: {
        specversion: '1.0',
        event_id: 'e-1',
        source: '/php',
        timestamp: '2026-01-01T00:00:00Z',
        datacontenttype,
        tenant: 'eu',
      },
    });
  });

  test('no body is no data; an attribute called event is no event', () => {
    expect(read('', { ...ATTRIBUTES, event: 'other' })).toMatchObject({ event: 'order_created', payload: {} });
  });

  test('data that is no JSON and does not say so is base64', () => {
    expect(read(Uint8Array.of(0xff, 0), { ...ATTRIBUTES, datacontenttype: 'image/png' })).toMatchObject({
      payload: { data_base64: '/wA=' },
    });
  });

  test('what is foreign cannot reach beyond its own object', () => {
    const hostile = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    const envelope = read('{}', { ...ATTRIBUTES, ...hostile, ['__proto__']: 'x' });
    expect(({} as { x?: unknown }).x).toBe(undefined);
    expect(envelope).toMatchObject({ event: 'order_created' });
  });

  test.each([
    ['invalid_json', 'no JSON', {}],
    ['payload_too_large', 'x'.repeat(1001), { datacontenttype: 'text/plain' }],
    ['unsupported_cloudevent', '{}', { specversion: '0.3' }],
    ['invalid_event', '{}', { type: 'a b' }],
    ['meta_too_large', '{}', { extension: 'x'.repeat(300) }],
  ])('%s', (reason, body, more) => {
    const problem = read(body, { ...ATTRIBUTES, ...more });
    expect(problem).toBeInstanceOf(Undecodable);
    expect(problem).toMatchObject({ reason, eventId: 'e-1' });
  });
});
