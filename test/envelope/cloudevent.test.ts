import { CloudEvent, HTTP } from 'cloudevents';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue, Meta } from '../../src/contracts/index.js';
import {
  DEFAULT_LIMITS,
  decode,
  encode,
  eventNameProblem,
  type MetaFields,
  type Origin,
  RawJson,
  Undecodable,
} from '../../src/envelope/index.js';

const origin: Origin = { transport: 'test', id: '1', publishedAt: undefined, receivedAt: 1_767_225_600_000 };

function written(event: string, payload: unknown, meta: MetaFields = {}) {
  const { body } = encode({ event, payload, meta }, DEFAULT_LIMITS, 'cloudevents');
  return { body, text: Buffer.from(body).toString(), json: JSON.parse(Buffer.from(body).toString()) as object };
}

/** What a listener gets, without what only a CloudEvent has. */
function read(body: Uint8Array) {
  const answer = decode(body, origin, DEFAULT_LIMITS);
  if (answer instanceof Undecodable) throw new Error(answer.error);
  const { specversion, datacontenttype, ...meta } = answer.meta;
  expect([specversion, datacontenttype]).toEqual(['1.0', 'application/json']);
  return { event: answer.event, payload: answer.payload, meta: meta as Meta };
}

/** As a program with the official SDK receives it. */
function bySdk(body: Uint8Array): CloudEvent<unknown> {
  const message = { headers: { 'content-type': 'application/cloudevents+json' }, body: Buffer.from(body).toString() };
  const event = HTTP.toEvent<unknown>(message) as CloudEvent<unknown>;
  expect(event.validate()).toBe(true);
  return event;
}

describe('a CloudEvent that thrun writes', () => {
  const meta = {
    event_id: 'e-1',
    timestamp: '2026-01-01T00:00:00.000Z',
    source: 'shop',
    key: 'customer-7',
    deliver_at: '2026-01-02T00:00:00.000Z',
    expires_at: '2026-01-03T00:00:00.000Z',
    correlation_id: 'c-1',
    causation_id: 'c-0',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'vendor=1',
    batch_id: 'b-1',
    job_id: 'j-1',
    previous_result: { paid: [true] },
    thrun: { lifecycle: 'then' },
    tenant: 'acme',
    tenant_id: 7,
    type: 'not the event',
    correlationid: 'not the correlation',
  };

  test('has every field under the name the table in docs/wire-format.md gives it', () => {
    expect(written('order_created', { order_id: 123 }, meta).json).toEqual({
      specversion: '1.0',
      id: 'e-1',
      source: 'shop',
      type: 'order_created',
      time: '2026-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
      partitionkey: 'customer-7',
      deliverat: '2026-01-02T00:00:00.000Z',
      expiresat: '2026-01-03T00:00:00.000Z',
      correlationid: 'c-1',
      causationid: 'c-0',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'vendor=1',
      batchid: 'b-1',
      jobid: 'j-1',
      previousresult: '{"paid":[true]}',
      thrun: '{"lifecycle":"then"}',
      tenant: 'acme',
      thrunmeta: '{"tenant_id":7,"type":"not the event","correlationid":"not the correlation"}',
      data: { order_id: 123 },
    });
  });

  test('is accepted by the official SDK, and read back to the same envelope', () => {
    const { body } = written('order_created', { order_id: 123 }, meta);
    expect(bySdk(body)).toMatchObject({ id: 'e-1', type: 'order_created', data: { order_id: 123 } });
    expect(read(body)).toEqual({ event: 'order_created', payload: { order_id: 123 }, meta });
  });

  test('numbers of a payload that is JSON already leave as they are', () => {
    const { text } = written('paid', new RawJson('{"id":12345678901234567890,"amount":1.10}'));
    expect(text).toContain('"data":{"id":12345678901234567890,"amount":1.10}');
  });

  test('a source that is no URI reference is escaped, and its text is kept', () => {
    const { body, json } = written('a', {}, { source: 'App\\Shop #1' });
    expect(json).toMatchObject({ source: 'App%5CShop%20%231', thrunmeta: '{"source":"App\\\\Shop #1"}' });
    bySdk(body);
    expect(read(body).meta.source).toBe('App\\Shop #1');
  });

  test('meta that is nested too deep to be read again is refused, wherever it would stand', () => {
    const deep = JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) as JsonValue;
    expect(() => written('a', {}, { previous_result: deep })).toThrow(/nested deeper than 200 levels/);
  });

  test('whatever the meta is, the SDK accepts it and the same meta comes back', () => {
    const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.string(), fc.webUrl());
    const time = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
    const anyMeta = fc.record(
      {
        ...Object.fromEntries(
          ['source', 'key', 'correlation_id', 'causation_id', 'traceparent', 'tracestate'].map((name) => [name, text]),
        ),
        batch_id: fc.uuid(),
        job_id: fc.uuid(),
        deliver_at: time.map((date) => date.toISOString()),
        previous_result: fc.jsonValue(),
        thrun: fc.jsonValue(),
        ...Object.fromEntries(
          [
            'tenant',
            'tenant_id',
            'subject',
            'id',
            'time',
            'partitionkey',
            'thrunmeta',
            'data',
            'dataschema',
            'Upper',
          ].map((name) => [name, fc.jsonValue()]),
        ),
      },
      { requiredKeys: [] },
    );
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 30 })
      .filter((event) => eventNameProblem(event) === undefined);
    fc.assert(
      fc.property(name, fc.jsonValue(), maybe(anyMeta), (event, payload, fields = {}) => {
        const { body, json } = written(event, payload, fields as MetaFields);
        expect(bySdk(body)).toMatchObject({ type: event });
        const got = read(body);
        const { source = 'thrun', ...rest } = JSON.parse(JSON.stringify(fields)) as Record<string, JsonValue>;
        expect(got.event).toBe(event);
        expect(got.payload).toEqual(JSON.parse(JSON.stringify(payload)));
        expect(got.meta).toEqual({ ...rest, source, event_id: got.meta.event_id, timestamp: got.meta.timestamp });
        expect(json).toMatchObject({ id: got.meta.event_id, time: got.meta.timestamp });
      }),
      { numRuns: process.env.THRUN_QUICK ? 100 : 300 },
    );
  });
});

describe('a CloudEvent from somewhere else', () => {
  const foreign = (more: object) =>
    read(
      Buffer.from(
        JSON.stringify({
          specversion: '1.0',
          datacontenttype: 'application/json',
          id: '1',
          time: '2026-01-01T00:00:00Z',
          type: 'a',
          ...more,
        }),
      ),
    ).meta;

  test('what thrun knows has its name; texts that are not what thrun writes stay as they came', () => {
    expect(foreign({ partitionkey: 'k', correlationid: 5, thrun: 'x', previousresult: '{', thrunmeta: '[]' })).toEqual({
      event_id: '1',
      timestamp: '2026-01-01T00:00:00Z',
      key: 'k',
      correlation_id: '5',
      thrun: 'x',
      previousresult: '{',
      thrunmeta: '[]',
    });
  });

  test('thrunmeta is data: it replaces neither the id nor the prototype', () => {
    const meta = foreign({ thrunmeta: '{"__proto__":{"polluted":1},"event_id":"other","tenant_id":7}' });
    expect(meta.event_id).toBe('1');
    expect(Object.getPrototypeOf(meta)).toBe(Object.prototype);
    expect(meta).toMatchObject({ tenant_id: 7 });
    expect((meta as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
