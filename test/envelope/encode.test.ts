import { describe, expect, it } from 'vitest';
import { ThrunError } from '../../src/contracts/index.js';
import {
  DEFAULT_LIMITS,
  decode,
  type EnvelopeFields,
  encode,
  type Limits,
  Undecodable,
} from '../../src/envelope/index.js';

const text = (fields: EnvelopeFields): string => Buffer.from(encode(fields).body).toString();

function failure(fields: unknown, limits?: Limits): ThrunError {
  try {
    encode(fields as EnvelopeFields, limits);
  } catch (error) {
    if (error instanceof ThrunError) return error;
    throw error;
  }
  throw new Error('was encoded');
}

describe('encode', () => {
  it('writes event, payload, meta, with event_id, timestamp and source first', () => {
    const meta = {
      correlation_id: 'c',
      source: 'app',
      tenant: 'acme',
      timestamp: '2026-01-01T00:00:00.000Z',
      key: 'k',
      event_id: 'id-1',
    };
    expect(text({ event: 'order_created', payload: { order_id: 123 }, meta })).toBe(
      '{"event":"order_created","payload":{"order_id":123},"meta":{"event_id":"id-1","timestamp":"2026-01-01T00:00:00.000Z",' +
        '"source":"app","correlation_id":"c","tenant":"acme","key":"k"}}',
    );
  });

  it('fills in a UUIDv7 and the present, and says which id', () => {
    const before = Date.now();
    const { body, eventId, event } = encode({ event: 'a', payload: {}, meta: {} });
    const { meta } = JSON.parse(Buffer.from(body).toString()) as { meta: { event_id: string; timestamp: string } };
    expect(event).toBe('a');
    expect(meta.event_id).toBe(eventId);
    expect(eventId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(meta.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(meta.timestamp)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(meta.timestamp)).toBeLessThanOrEqual(Date.now());
    expect(Object.keys(meta)).toEqual(['event_id', 'timestamp']);
  });

  it('leaves undefined fields of meta out', () => {
    const meta = { event_id: undefined, timestamp: undefined, key: undefined, source: undefined, tenant: undefined };
    const written = JSON.parse(text({ event: 'a', payload: 1, meta })) as { meta: object };
    expect(Object.keys(written.meta)).toEqual(['event_id', 'timestamp']);
  });

  it('sends {} for an undefined payload and keeps every other value', () => {
    for (const [payload, written] of [
      [undefined, '{}'],
      [null, 'null'],
      [0, '0'],
      ['', '""'],
      [false, 'false'],
      [[], '[]'],
    ] as const) {
      expect(text({ event: 'a', payload, meta: {} })).toContain(`"payload":${written},"meta"`);
    }
    expect(text({ event: 'a', payload: new Date(0), meta: {} })).toContain(
      '"payload":"1970-01-01T00:00:00.000Z","meta"',
    );
  });

  it('writes times in UTC', () => {
    const meta = {
      timestamp: '2026-01-01T01:00:00+01:00',
      deliver_at: '2026-01-01 02:00:00Z',
      expires_at: '2026-01-02T00:00:00Z',
    };
    expect(JSON.parse(text({ event: 'a', payload: 1, meta }))).toMatchObject({
      meta: {
        timestamp: '2026-01-01T00:00:00.000Z',
        deliver_at: '2026-01-01T02:00:00.000Z',
        expires_at: '2026-01-02T00:00:00Z',
      },
    });
  });

  it('keeps __proto__ as data', () => {
    const hostile = JSON.parse('{"__proto__":{"x":1}}') as Record<string, never>;
    expect(text({ event: 'a', payload: hostile, meta: hostile }).match(/"__proto__":\{"x":1\}/g)).toHaveLength(2);
  });

  it.each(['', ' ', 'a b', 'order.*', 'a\n', 'x'.repeat(256), '\ud800', 5, null, undefined, {}])(
    'refuses the event name %j',
    (event) => {
      const error = failure({ event, payload: 1, meta: {} });
      expect(error.code).toBe('THRUN_EVENT_NAME');
      expect(error.message).toMatch(/^\P{C}+$/u);
    },
  );

  it('says where in the payload something is that JSON cannot hold', () => {
    const cycle: { list: unknown[] } = { list: [] };
    cycle.list.push({ back: cycle });
    const shared = {};
    let deep: object = {};
    for (let n = 0; n < 50_000; n++) deep = { deep };
    const said: [payload: unknown, message: string][] = [
      [{ lines: [{ total: 5n }] }, 'payload.lines[0].total is a BigInt'],
      [{ 'odd\u001bname': 5n }, 'payload["odd\\u001bname"] is a BigInt'],
      [5n, 'payload is a BigInt'],
      [{ shared: [shared, shared], n: 5n }, 'payload.n is a BigInt'],
      [{ toJSON: () => ({ inner: 5n }) }, 'payload.inner is a BigInt'],
      [cycle, 'payload.list[0].back refers back'],
      [() => 1, 'it is a function'],
      [Symbol('x'), 'it is a symbol'],
      [{ toJSON: () => undefined }, 'toJSON() gives nothing'],
      [deep, 'nested too deep'],
      [
        {
          get trap(): never {
            throw new Error('boom');
          },
        },
        'boom',
      ],
      [
        {
          toJSON() {
            throw 'no error';
          },
        },
        'cannot be written as JSON',
      ],
    ];
    for (const [payload, message] of said) {
      const error = failure({ event: 'order_created', payload, meta: {} });
      expect(error.code).toBe('THRUN_PAYLOAD');
      expect(error.message).toContain(`The payload of order_created cannot be sent: `);
      expect(error.message).toContain(message);
    }
    expect(failure({ event: 'a', payload: 1, meta: { previous_result: 5n } }).message).toContain(
      'meta.previous_result is a BigInt',
    );
  });

  it('refuses meta that a worker would not read as it is meant', () => {
    for (const field of ['event_id', 'batch_id', 'job_id']) {
      for (const value of ['', 'a b', 'x'.repeat(129), 5, null]) {
        const error = failure({ event: 'a', payload: 1, meta: { [field]: value } });
        expect(error.code).toBe('THRUN_ENVELOPE');
        expect(error.message).toContain(`meta.${field} `);
      }
    }
    for (const field of ['source', 'key', 'correlation_id', 'causation_id', 'traceparent', 'tracestate']) {
      expect(failure({ event: 'a', payload: 1, meta: { [field]: 5 } }).message).toContain(
        `meta.${field} must be a string`,
      );
    }
    for (const field of ['timestamp', 'deliver_at', 'expires_at']) {
      for (const value of ['5m', '', null, {}, '2026-02-30T00:00:00Z']) {
        const error = failure({ event: 'a', payload: 1, meta: { [field]: value } });
        expect(error.code).toBe('THRUN_TIME');
        expect(error.message).toContain(`meta.${field} `);
      }
    }
  });

  it('refuses what is too large before it is sent, with size and limit', () => {
    const error = failure({ event: 'a', payload: 'x'.repeat(DEFAULT_LIMITS.maxBytes), meta: {} });
    expect(error.code).toBe('THRUN_PAYLOAD');
    expect(error.message).toMatch(/the message is 1048\d{3} bytes, the limit is 1048576/);
    expect(failure({ event: 'a', payload: 1, meta: {} }, { ...DEFAULT_LIMITS, maxBytes: 10 }).code).toBe(
      'THRUN_PAYLOAD',
    );
  });

  it('refuses what no worker would read: too deep, too much meta', () => {
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(
      decode(encode({ event: 'a', payload: nested(199), meta: {} }).body, origin, DEFAULT_LIMITS),
    ).not.toBeInstanceOf(Undecodable);
    expect(failure({ event: 'a', payload: nested(200), meta: {} }).message).toContain('deeper than 200 levels');
    const error = failure({ event: 'a', payload: 1, meta: { notes: 'x'.repeat(17_000) } });
    expect(error.code).toBe('THRUN_ENVELOPE');
    expect(error.message).toContain('the limit is 16384');
    expect(
      encode({ event: 'a', payload: 1, meta: { previous_result: 'x'.repeat(17_000) } }).body.length,
    ).toBeGreaterThan(17_000);
  });
});

const origin = { transport: 'test', id: '1', publishedAt: undefined, receivedAt: 0 };
