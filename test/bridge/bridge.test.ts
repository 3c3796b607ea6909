import { describe, expect, test, vi } from 'vitest';
import { Bridge, type BridgeNotice, type BridgeOptions } from '../../src/bridge/bridge.js';
import { systemClock } from '../../src/contracts/clock.js';
import type { OutgoingMessage } from '../../src/contracts/transport.js';
import { DEFAULT_LIMITS } from '../../src/envelope/index.js';
import { gate } from '../support/gate.js';
import { OtherMemory } from '../support/other-memory.js';

const NUMBERS = '{ "event" : "paid", "payload": 12345678901234567890, "x": 1.10 }';
const CLOUD = '{"specversion":"1.0","type":"order","id":"1","source":"/s","data":1.0}';

function envelope(event: string, meta: object = {}): string {
  return JSON.stringify({ event, payload: {}, meta: { event_id: event, ...meta } });
}

function put(transport: OtherMemory, bodies: readonly (string | Uint8Array)[], queue = 'events'): Promise<void> {
  const messages = bodies.map((body) => ({ body: typeof body === 'string' ? Buffer.from(body) : body, event: 'x' }));
  return transport.publish(queue, messages);
}

function bridge(from: OtherMemory, to: OtherMemory, options: Partial<BridgeOptions> = {}): Bridge {
  return new Bridge({
    from,
    to,
    queues: ['events'],
    group: 'bridge',
    visibilityMs: 30_000,
    stopWhenEmpty: true,
    limits: DEFAULT_LIMITS,
    clock: systemClock,
    signal: new AbortController().signal,
    onNotice: () => undefined,
    ...options,
  });
}

/** As if the transport had headers, and the messages these attributes in them. */
function inBinaryMode(transport: OtherMemory, attributes: readonly Readonly<Record<string, string>>[]): void {
  const consume = transport.consume.bind(transport);
  let at = 0;
  vi.spyOn(transport, 'consume').mockImplementation(async (options) => {
    const consumer = await consume(options);
    const next = consumer.next.bind(consumer);
    return Object.assign(consumer, {
      next: async (...args: Parameters<typeof next>) =>
        (await next(...args)).map((delivery) => Object.assign(delivery, { cloudEvent: attributes[at++] })),
    });
  });
}

/** What the group `group` has not settled in a queue. */
async function left(transport: OtherMemory, group = 'bridge', queue = 'events'): Promise<number> {
  const rows = await transport.queues.stats();
  const row = rows.find((one) => one.queue === queue && one.group === group);
  return row ? row.depth + row.inFlight + row.delayed : 0;
}

describe('a bridge', () => {
  test('moves every byte as it came, in order, and leaves nothing behind', async () => {
    const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
    const bodies = [NUMBERS, CLOUD, ...Array.from({ length: 1200 }, (_, i) => envelope(`e${i}`))];
    await put(from, bodies);
    expect(await bridge(from, to).run()).toEqual({ moved: 1202, skipped: 0, dead: 0 });
    expect(to.waiting('events')).toEqual(bodies);
    expect(await left(from)).toBe(0);
  });

  test('a CloudEvent in binary mode goes with its attributes, and in structured JSON where there are no headers', async () => {
    const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
    const attributes = { specversion: '1.0', type: 'paid', id: '1', source: '/s', partitionkey: 'k' };
    const data = ['{ "n": 12345678901234567890 }', '\uFEFF1.10', '', '<a/>', '{ broken'];
    const kinds = data.map((_, i) => (i === 3 ? { ...attributes, datacontenttype: 'text/xml' } : attributes));
    await put(from, data);
    inBinaryMode(from, kinds);
    const published = vi.spyOn(to, 'publish');
    expect(await bridge(from, to).run()).toEqual({ moved: 4, skipped: 0, dead: 1 });
    expect(to.waiting('events')).toEqual([
      `${JSON.stringify(attributes).slice(0, -1)},"data":{ "n": 12345678901234567890 }}`,
      `${JSON.stringify(attributes).slice(0, -1)},"data":1.10}`,
      JSON.stringify(attributes),
      JSON.stringify({ ...kinds[3], data_base64: Buffer.from('<a/>').toString('base64') }),
    ]);
    const sent = published.mock.calls.flatMap(([, messages]) => messages);
    expect(sent.map(({ event, key }) => `${event} ${key}`)).toEqual(Array.from({ length: 4 }, () => 'paid k'));
    expect(sent.map(({ cloudEvent }) => cloudEvent?.attributes)).toEqual(kinds.slice(0, 4));
    expect(sent.map(({ cloudEvent }) => cloudEvent && Buffer.from(cloudEvent.data).toString())).toEqual(
      data.slice(0, 4),
    );
  });

  test('tells the other side the name, the key, and the time it is not to be delivered before', async () => {
    const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
    const published = vi.spyOn(to, 'publish');
    const future = new Date(Date.now() + 3_600_000).toISOString();
    const past = new Date(Date.now() - 3_600_000).toISOString();
    await put(from, [envelope('later', { key: 'k', deliver_at: future }), envelope('now', { deliver_at: past })]);
    await bridge(from, to).run();
    const sent = published.mock.calls.flatMap(([, messages]) => messages as OutgoingMessage[]);
    expect(sent.map(({ event, key, deliverAt }) => ({ event, key, deliverAt }))).toEqual([
      { event: 'later', key: 'k', deliverAt: Date.parse(future) },
      { event: 'now', key: undefined, deliverAt: undefined },
    ]);
  });

  test('from several queues, each to the one of its name, or all to one', async () => {
    const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
    await put(from, [envelope('a')], 'one');
    await put(from, [envelope('b')], 'two');
    await bridge(from, to, { queues: ['one', 'two'] }).run();
    expect([to.waiting('one').length, to.waiting('two').length]).toEqual([1, 1]);
    await put(from, [envelope('a')], 'one');
    await put(from, [envelope('b')], 'two');
    await bridge(from, to, { queues: ['one', 'two'], toQueue: 'all' }).run();
    expect(to.waiting('all')).toHaveLength(2);
  });

  test('only what matches; the others keep their copy of all of it', async () => {
    const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
    const options = { group: 'shop', queue: 'events', visibilityMs: 30_000, onNotice: () => undefined };
    const worker = await from.consume(options);
    await bridge(from, to, { only: 'payment.*' }).run();
    await put(from, [envelope('payment.done'), envelope('order')]);
    expect(await bridge(from, to, { only: 'payment.*' }).run()).toEqual({ moved: 1, skipped: 1, dead: 0 });
    expect(to.waiting('events')).toEqual([envelope('payment.done')]);
    expect(await left(from, 'shop')).toBe(2);
    await worker.close();
  });

  test('refuses to leave out what nobody else would get', () => {
    const from = new OtherMemory('from', { fanOut: false });
    expect(() => bridge(from, new OtherMemory('to'), { only: 'payment.*' })).toThrow(
      /from gives each event to one consumer, so a bridge that takes only payment\.\* would take the others/,
    );
    expect(() => bridge(from, new OtherMemory('to'), { only: '*' })).not.toThrow();
  });

  test('what is no envelope is a dead letter where it was, with its bytes', async () => {
    const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
    const bytes = Uint8Array.from([0x7b, 0xff]);
    await put(from, [envelope('a'), bytes, '[]', envelope('b')]);
    expect(await bridge(from, to).run()).toEqual({ moved: 2, skipped: 0, dead: 2 });
    expect(await from.deadLetters.list({}, 9)).toMatchObject([
      { reason: 'invalid_utf8', group: 'bridge', body: bytes, attempts: 1 },
      { reason: 'not_an_object' },
    ]);
  });

  test('ends after exactly as many as it may move; the rest is handed back', async () => {
    const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
    const many = Array.from({ length: 40 }, (_, i) => envelope(`e${i}`));
    await put(from, many, 'one');
    await put(from, many, 'two');
    const options = { queues: ['one', 'two'], limit: 50, stopWhenEmpty: false };
    expect(await bridge(from, to, options).run()).toMatchObject({ moved: 50 });
    expect(to.waiting('one').length + to.waiting('two').length).toBe(50);
    expect((await left(from, 'bridge', 'one')) + (await left(from, 'bridge', 'two'))).toBe(30);
  });
});

/** Takes nothing for a while. */
class Refusing extends OtherMemory {
  refusals = 0;
  constructor(private left: number) {
    super('to');
  }
  override async publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.left-- > 0) {
      this.refusals++;
      throw new Error('full');
    }
    return super.publish(queue, messages);
  }
}

describe('a bridge whose other side is away', () => {
  test('tries again, longer apart, until it takes them; nothing is lost or doubled', async () => {
    const from = new OtherMemory('from');
    const to = new Refusing(3);
    await put(from, [envelope('a'), envelope('b')]);
    const notices: BridgeNotice[] = [];
    const counts = await bridge(from, to, { onNotice: (notice) => notices.push(notice) }).run();
    expect(counts.moved).toBe(2);
    expect(to.waiting('events')).toHaveLength(2);
    expect(notices).toMatchObject([
      { kind: 'waiting', queue: 'events', pauseMs: 100 },
      { kind: 'waiting', pauseMs: 200 },
      { kind: 'waiting', pauseMs: 400 },
    ]);
  });

  test('that is told to end hands back what it holds, at once', async () => {
    const from = new OtherMemory('from');
    const to = new Refusing(Number.POSITIVE_INFINITY);
    await put(from, [envelope('a')]);
    const stop = new AbortController();
    const refused = gate();
    const running = bridge(from, to, {
      signal: stop.signal,
      stopWhenEmpty: false,
      onNotice: () => refused.open(),
    }).run();
    await refused.opened;
    stop.abort();
    expect(await running).toEqual({ moved: 0, skipped: 0, dead: 0 });
    expect(await from.queues.stats()).toMatchObject([{ group: 'bridge', depth: 1, inFlight: 0 }]);
  });

  test('that waits for more ends when it is told to', async () => {
    const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
    const stop = new AbortController();
    const moved = gate();
    vi.spyOn(to, 'publish').mockImplementation(async () => moved.open());
    const running = bridge(from, to, { signal: stop.signal, stopWhenEmpty: false }).run();
    await put(from, [envelope('a')]);
    await moved.opened;
    stop.abort();
    expect(await running).toMatchObject({ moved: 1 });
  });
});

test('a queue that cannot be received from ends the bridge with the reason, and its other queues too', async () => {
  const [from, to] = [new OtherMemory('from'), new OtherMemory('to')];
  const consume = from.consume.bind(from);
  vi.spyOn(from, 'consume').mockImplementation(async (options) => {
    const consumer = await consume(options);
    if (options.queue !== 'broken') return consumer;
    return Object.assign(consumer, { next: () => Promise.reject(new Error('gone for good')) });
  });
  const running = bridge(from, to, { queues: ['whole', 'broken'], stopWhenEmpty: false }).run();
  await expect(running).rejects.toThrow('gone for good');
});
