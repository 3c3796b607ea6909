import assert from 'node:assert/strict';
import type { HistoryAccess, HistoryRange, PastEvent, ReplayTarget } from '../../../contracts/history.js';
import type { TransportNotice } from '../../../contracts/transport.js';
import type { PromiseCases } from '../case.js';
import {
  ackAll,
  expectNothing,
  message,
  numbered,
  receive,
  receiveAndAck,
  receiveOne,
  retryOf,
  sorted,
  textOf,
  textsOf,
  until,
} from '../receive.js';
import type { Stand } from '../stand.js';

const NEEDS = ['history'] as const;

export const history: PromiseCases = {
  promise: 'what was handled can be had again, by one group',
  cases: [
    {
      title: 'it is read whole, each event once, and as often as one likes',
      needs: NEEDS,
      async run(stand) {
        const consumer = await stand.consume();
        const bytes = Uint8Array.of(0x7b, 0xff, 0x00, 0xc3, 0x28, 0x7d);
        await stand.publish([...numbered(450), message(bytes)]);
        const received = await receive(consumer, 451, 100);
        await ackAll(received);
        for (const on of [stand.transport, await stand.another()]) {
          const past = await readAll(stand, {}, on.history);
          const facts = (one: Pick<PastEvent, 'id' | 'publishedAt' | 'body'>) =>
            `${one.id} ${one.publishedAt} ${Buffer.from(one.body).toString('hex')}`;
          assert.deepEqual(past.map(facts).sort(), received.map(facts).sort());
        }
        await expectNothing(consumer, 50);
      },
    },
    {
      title: 'replayed, it is a first attempt with the same bytes, id and time, for every listener',
      needs: NEEDS,
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        const first = await receiveOne(consumer);
        await first.handOver([retryOf(first, { target: 'mailer' })]);
        await (await receiveOne(consumer)).ack();
        assert.equal(await replay(stand, await readAll(stand)), 1);
        const again = await receiveOne(consumer);
        assert.deepEqual(
          [again.id, textOf(again), again.publishedAt, again.target, again.attempt, again.crashes, again.queue],
          [first.id, 'x', first.publishedAt, undefined, 1, 0, stand.queue],
        );
        await again.handOver([retryOf(again)]);
        const retried = await receiveOne(consumer);
        assert.equal(retried.attempt, 2, 'it has a life like any other');
        await retried.ack();
        await expectNothing(consumer, 50);
      },
    },
    {
      title: 'replayed for one listener, it is addressed to that one',
      needs: NEEDS,
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(3));
        await receiveAndAck(consumer, 3);
        await replay(stand, await readAll(stand), { listener: 'mailer' });
        const again = await receive(consumer, 3);
        assert.deepEqual(sorted(textsOf(again)), ['0', '1', '2']);
        assert.deepEqual([...new Set(again.map(({ target }) => target))], ['mailer']);
        await ackAll(again);
      },
    },
    {
      title: 'it comes to that group and to no other',
      needs: ['history', 'fanOut'],
      async run(stand) {
        const [one, other] = [await stand.consume({ group: 'one' }), await stand.consume({ group: 'other' })];
        await stand.publish(numbered(20));
        await receiveAndAck(one, 20);
        await receiveAndAck(other, 20);
        await replay(stand, await readAll(stand, { group: 'one' }), { group: 'one' });
        await receiveAndAck(one, 20);
        await expectNothing(other, 100);
        await expectNothing(one, 50);
      },
    },
    {
      title: 'a group that came later can have what was before it',
      needs: ['history', 'fanOut'],
      async run(stand) {
        const first = await stand.consume({ group: 'first' });
        await stand.publish([message('before')]);
        await receiveAndAck(first, 1);
        const late = await stand.consume({ group: 'late' });
        await stand.publish([message('after')]);
        for (let text = ''; text !== 'after'; ) [text = ''] = await receiveAndAck(late, 1);
        const past = await readAll(stand, { group: 'late' });
        await replay(
          stand,
          past.filter(({ body }) => Buffer.from(body).toString() === 'before'),
          { group: 'late' },
        );
        assert.deepEqual(await receiveAndAck(late, 1), ['before']);
      },
    },
    {
      title: 'beside it nothing changes: what is held stays held, what is unread is read once',
      needs: NEEDS,
      async run(stand) {
        const notices: TransportNotice[] = [];
        const consumer = await stand.consume({ notices });
        const elsewhere = await stand.another();
        await stand.publish(numbered(30));
        const [done, held] = [await receive(consumer, 10), await receive(consumer, 10)];
        await ackAll(done);
        await consumer.flush();
        const past = await readAll(stand, {}, elsewhere.history);
        const known = new Set([...done, ...held].map(({ id }) => id));
        assert.deepEqual(
          past.filter(({ id }) => !known.has(id)).map(({ id }) => id),
          [],
          'what the group has yet to receive is no past of its own',
        );
        const chosen = past.filter(({ id }) => done.some((delivery) => delivery.id === id));
        assert.equal(chosen.length, 10);
        assert.equal(await replay(stand, chosen, {}, elsewhere.history), 10);
        await ackAll(held);
        const rest = await receive(consumer, 20);
        await ackAll(rest);
        assert.deepEqual(sorted(textsOf(rest)), sorted([...textsOf(done), ...numbers(20, 30)]));
        await expectNothing(consumer, 100);
        assert.deepEqual(notices, []);
      },
    },
    {
      title: 'a range begins and ends with a time, or with a position, both included',
      needs: NEEDS,
      async run(stand) {
        const consumer = await stand.consume();
        const times: number[] = [];
        for (const text of ['a', 'b', 'c']) {
          await stand.publish([message(text)]);
          const delivery = await receiveOne(consumer);
          await delivery.ack();
          const time = delivery.publishedAt ?? assert.fail('a transport with a history knows when it was published');
          times.push(time);
          await until('another millisecond has begun', () => Date.now() > time + 1);
        }
        const texts = async (range: Partial<HistoryRange>) => (await readAll(stand, range)).map(bodyText).sort();
        const [first, second] = times as [number, number, number];
        assert.deepEqual(await texts({ since: second }), ['b', 'c']);
        assert.deepEqual(await texts({ since: second + 1 }), ['c']);
        assert.deepEqual(await texts({ until: second }), ['a', 'b']);
        assert.deepEqual(await texts({ since: first + 1, until: second }), ['b']);
        assert.deepEqual(await texts({ until: first - 1 }), []);
        assert.deepEqual(await texts({ since: Date.now() + 3_600_000 }), []);
        const { position } = (await readAll(stand)).find((event) => bodyText(event) === 'b') ?? assert.fail();
        assert.ok((await texts({ since: position })).includes('b'));
        assert.ok((await texts({ until: position })).includes('b'));
        assert.deepEqual(await texts({ since: position, until: position }), ['b']);
      },
    },
    {
      title: 'it tells of the groups there are, and how far back it goes',
      needs: NEEDS,
      async run(stand) {
        const range = { queue: stand.queue, group: 'workers', since: '0' };
        const nothing = await access(stand).look({ ...range, queue: stand.otherQueue });
        assert.deepEqual([nothing.groups, nothing.oldestAt, nothing.isCut], [[], undefined, false]);
        const consumer = await stand.consume();
        await stand.publish(numbered(2));
        const [oldest] = await receive(consumer, 2);
        const view = await access(stand).look(range);
        assert.deepEqual([view.groups, view.oldestAt, view.isCut], [['workers'], oldest?.publishedAt, false]);
        assert.match(view.keeps, /^[A-Z].*\.$/);
      },
    },
    {
      title: 'a point that is none of its own is refused, not guessed at',
      needs: NEEDS,
      async run(stand) {
        await stand.consume();
        const range = { queue: stand.queue, group: 'workers', since: '0' };
        for (const wrong of [{ since: 'yesterday' }, { since: '' }, { until: '1 or so' }]) {
          await assert.rejects(access(stand).look({ ...range, ...wrong }), { code: 'THRUN_INPUT' });
          await assert.rejects(readAll(stand, wrong), { code: 'THRUN_INPUT' });
        }
      },
    },
    {
      title: 'replayed in the order it is given',
      needs: ['history', 'ordered'],
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(100));
        await receiveAndAck(consumer, 100);
        const past = await readAll(stand);
        assert.deepEqual(past.map(bodyText), numbers(0, 100));
        await replay(stand, past.slice(0, 60));
        await replay(stand, past.slice(60));
        assert.deepEqual(await receiveAndAck(consumer, 100), numbers(0, 100));
      },
    },
    {
      title: 'replayed, it is as safe as what was published',
      needs: ['history', 'restart', 'persistent'],
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(50));
        await receiveAndAck(consumer, 50);
        await consumer.close();
        await replay(stand, await readAll(stand));
        await (stand.subject.restart?.() ?? assert.fail('the factory says that it can restart its broker'));
        const later = await stand.another();
        assert.deepEqual(sorted(await receiveAndAck(await stand.consume({ on: later }), 50)), numbers(0, 50));
      },
    },
  ],
};

function access(stand: Stand): HistoryAccess {
  return stand.transport.history ?? assert.fail('the transport says it keeps a history, but gives no access to it');
}

async function readAll(stand: Stand, range: Partial<HistoryRange> = {}, on = access(stand)): Promise<PastEvent[]> {
  const past: PastEvent[] = [];
  const whole = { queue: stand.queue, group: 'workers', since: '0' };
  for await (const page of on?.read({ ...whole, ...range }) ?? []) past.push(...page);
  return past;
}

function replay(
  stand: Stand,
  events: readonly PastEvent[],
  target: Partial<ReplayTarget> = {},
  on: HistoryAccess | undefined = access(stand),
): Promise<number> {
  return on.replay(events, { queue: stand.queue, group: 'workers', listener: undefined, ...target });
}

function bodyText({ body }: PastEvent): string {
  return Buffer.from(body).toString();
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}
