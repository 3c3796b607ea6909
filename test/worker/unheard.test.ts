import { afterEach, describe, expect, test } from 'vitest';
import { type TestThrun, type TestThrunOptions, testThrun } from '../../src/testing/index.js';

let app: TestThrun;
afterEach(() => app.close());

async function start(options: TestThrunOptions = {}): Promise<TestThrun> {
  app = await testThrun(options);
  return app;
}

describe('deliveries that no listener is to see', () => {
  test('what is no envelope is dead with its bytes, and the next message is handled', async () => {
    let handled = 0;
    const { thrun, settle, deadLetters } = await start();
    thrun.subscribe('e', () => void handled++, { name: 'l' });
    const transport = await thrun.transport();
    const bytes = Uint8Array.from([0x7b, 0xff, 0x00]);
    await transport.publish('events', [{ body: bytes, event: 'e' }]);
    await thrun.event('e');
    await settle();
    expect(handled).toBe(1);
    const [letter] = await deadLetters();
    expect(letter?.reason).toBe('invalid_utf8');
    expect(letter?.body).toEqual(bytes);
  });

  test('an event nobody listens to is acked where groups have copies, and dead where the config says so', async () => {
    const { thrun, settle, deadLetters, observations } = await start();
    await thrun.event('nobody');
    await settle();
    expect(await deadLetters()).toEqual([]);
    expect(observations).toContainEqual(expect.objectContaining({ kind: 'unhandled', event: 'nobody' }));
    await app.close();
    const strict = await start({ unhandled: 'dead' });
    await strict.thrun.event('nobody');
    await strict.settle();
    expect(await strict.deadLetters()).toMatchObject([{ reason: 'no_listener', event: 'nobody' }]);
  });

  test('an event_id that comes twice is handled twice, whatever is in it', async () => {
    const heard: unknown[] = [];
    const { thrun, settle } = await start();
    thrun.subscribe('e', (payload, { meta }) => void heard.push([meta.event_id, payload]), { name: 'all' });
    for (const payload of [1, 1, 2]) await thrun.event('e', payload, { id: 'same' });
    await settle();
    expect(heard).toEqual([
      ['same', 1],
      ['same', 1],
      ['same', 2],
    ]);
  });

  test('a deliver_at that cannot be read is not handled too early, but a dead letter with its bytes', async () => {
    let heard = 0;
    const { thrun, settle, deadLetters } = await start();
    thrun.subscribe('*', () => void heard++, { name: 'all' });
    const body = new TextEncoder().encode('{"event":"pay","meta":{"deliver_at":"2026-12-24 08:00"}}');
    await (await thrun.transport()).publish('events', [{ body, event: 'pay' }]);
    await settle();
    expect(heard).toBe(0);
    expect(await deadLetters()).toMatchObject([{ reason: 'invalid_meta', event: 'pay', attempts: 1, body }]);
  });

  test('expired is dead; deliver_at is held, by the transport, whoever wrote it', async () => {
    const heard: string[] = [];
    const { thrun, settle, advance, clock, deadLetters } = await start();
    thrun.subscribe('*', (_, { event, attempt }) => void heard.push(`${event} ${attempt}`), { name: 'all' });
    await thrun.event('late', {}, { expiresAt: new Date(clock.now() - 1) });
    await thrun.event('tomorrow', {}, { delay: '1d' });
    const foreign = { event: 'foreign', meta: { deliver_at: new Date(clock.now() + 3_600_000).toISOString() } };
    const body = new TextEncoder().encode(JSON.stringify(foreign));
    await (await thrun.transport()).publish('events', [{ body, event: 'foreign' }]);
    await settle();
    expect(heard).toEqual([]);
    expect(await deadLetters()).toMatchObject([{ reason: 'expired', event: 'late' }]);
    await advance(3_600_000);
    expect(heard).toEqual(['foreign 1']);
    await advance(86_400_000);
    expect(heard).toEqual(['foreign 1', 'tomorrow 1']);
  });
});
