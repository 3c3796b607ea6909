import { describe, expect, it } from 'vitest';
import { metaOf, PUBLISHED, read, reasonOf, refuse } from './reading.js';

describe('CloudEvents', () => {
  const base = '"specversion":"1.0","type":"a","source":"/s","id":"i","time":"2026-01-01T00:00:00Z"';
  const payloadOf = (fields: string): unknown => read(`{${base},${fields}}`).payload;

  it('attributes become the envelope', () => {
    expect(read(`{${base},"subject":"x","traceparent":"t","correlationid":"c","data":{"n":1}}`)).toEqual({
      event: 'a',
      payload: { n: 1 },
      meta: {
        event_id: 'i',
        timestamp: '2026-01-01T00:00:00Z',
        source: '/s',
        specversion: '1.0',
        subject: 'x',
        traceparent: 't',
        correlation_id: 'c',
      },
    });
  });

  it('an extension that says when it is due is held to what meta is', () => {
    expect(read(`{${base},"deliver_at":1767225600}`).meta.deliver_at).toBe('2026-01-01T00:00:00.000Z');
    expect(refuse(`{${base},"expires_at":"soon"}`)).toMatchObject({ reason: 'invalid_meta', event: 'a', eventId: 'i' });
  });

  it('missing id and time are filled in', () => {
    expect(read('{"specversion":"1.0","type":"a"}').meta).toMatchObject({
      event_id: metaOf('{}').event_id,
      timestamp: PUBLISHED,
    });
  });

  it('data_base64', () => {
    const encoded = (text: string): string => JSON.stringify(Buffer.from(text).toString('base64'));
    const json = '"datacontenttype":"application/json"';
    expect(payloadOf(`${json},"data_base64":${encoded('{"n":1}')}`)).toEqual({ n: 1 });
    expect(payloadOf(`"data_base64":${encoded('[1]')}`)).toEqual([1]);
    expect(payloadOf(`"data_base64":${encoded('null')}`)).toBe(null);
    expect(payloadOf(`"data_base64":${encoded('text')}`)).toEqual({ data_base64: JSON.parse(encoded('text')) });
    expect(payloadOf(`"datacontenttype":"text/plain","data_base64":${encoded('5')}`)).toEqual({
      data_base64: JSON.parse(encoded('5')),
    });
    expect(payloadOf('"data_base64":5')).toEqual({ data_base64: 5 });
    expect(payloadOf('"data":1,"data_base64":"Mg=="')).toBe(1);
    expect(payloadOf('"data":null,"data_base64":"Mg=="')).toBe(null);
    expect(reasonOf(`{${base},${json},"data_base64":"%%"}`)).toBe('invalid_json');
    expect(reasonOf(`{${base},"data_base64":${encoded('['.repeat(500))}}`)).toBe('too_deep');
  });

  it.each(['"0.3"', '"1.1"', '"2.0"', '1.0', 'null', '{}'])('specversion %s is not supported', (version) => {
    const answer = refuse(`{"specversion":${version},"type":"a","id":"i"}`);
    expect(answer).toMatchObject({ reason: 'unsupported_cloudevent', event: 'a', eventId: 'i' });
  });

  it('a type that is missing or no name', () => {
    expect(reasonOf('{"specversion":"1.0"}')).toBe('missing_event');
    expect(reasonOf('{"specversion":"1.0","type":5}')).toBe('invalid_event');
    expect(refuse('{"specversion":"0.1","type":"a b","id":5}')).toMatchObject({ event: undefined, eventId: undefined });
  });

  it('an event as text makes it an envelope', () => {
    expect(read(`{${base},"event":"native","payload":1,"data":2}`)).toMatchObject({ event: 'native', payload: 1 });
    expect(read(`{${base},"event":5,"data":2}`)).toMatchObject({ event: 'a', payload: 2, meta: { event: 5 } });
    expect(reasonOf(`{${base},"event":"not a name"}`)).toBe('invalid_event');
  });
});
