import assert from 'node:assert/strict';
import type { Delivery } from '../../../contracts/delivery.js';
import type { PromiseCases } from '../case.js';
import { message, receiveOne, retryOf } from '../receive.js';

const utf8 = new TextEncoder();

/** Bodies that a transport with ideas of its own about text would change. */
const BODIES: Readonly<Record<string, Uint8Array>> = {
  'numbers beyond a double': utf8.encode('{"event":"a","payload":{"big":12345678901234567890,"price":1.10}}'),
  'odd white space and key order': utf8.encode(' {\t"payload":{},\r\n"event" : "a" }\n'),
  'a byte order mark': Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d),
  'letters beyond the basic plane': utf8.encode('{"event":"a","payload":"𝄞 ümläut 漢字"}'),
  'invalid UTF-8': Uint8Array.of(0xff, 0xfe, 0xc3, 0x28, 0x80),
  'zero bytes': Uint8Array.of(0, 0, 1, 0),
  'every byte': Uint8Array.from({ length: 256 }, (_, i) => i),
  'no bytes at all': new Uint8Array(0),
  'a view into a larger buffer': new Uint8Array(utf8.encode('xx{"event":"a"}xx').buffer, 2, 13),
};

export const wholeBytes: PromiseCases = {
  promise: 'bytes are never changed',
  cases: [
    ...Object.entries(BODIES).map(([what, body]) => ({
      title: `${what}: the same after a retry as well`,
      async run(stand: Parameters<PromiseCases['cases'][number]['run']>[0]) {
        const consumer = await stand.consume();
        await stand.publish([message(body)]);
        const first = await receiveOne(consumer);
        assert.deepEqual([...first.body], [...body]);
        await first.handOver([retryOf(first)]);
        const second = await receiveOne(consumer);
        assert.deepEqual([...second.body], [...body]);
        await second.ack();
      },
    })),
    {
      title: 'a body of 1 MiB',
      async run(stand) {
        const body = Uint8Array.from({ length: 2 ** 20 }, (_, i) => (i * 31) & 0xff);
        const consumer = await stand.consume();
        await stand.publish([message(body), message('small'), message(body)]);
        // Where no order is promised the small one may overtake the first.
        const isWhole = ({ body: came }: Delivery) =>
          Buffer.compare(came, came.length === body.length ? body : utf8.encode('small')) === 0;
        const first = await receiveOne(consumer);
        assert.ok(isWhole(first));
        await first.release();
        const seen: number[] = [];
        for (let i = 0; i < 3; i++) {
          const delivery = await receiveOne(consumer);
          assert.ok(isWhole(delivery));
          seen.push(delivery.body.length);
          await delivery.ack();
        }
        assert.deepEqual(seen.sort(), [2 ** 20, 2 ** 20, 5].sort());
      },
    },
    {
      title: 'the sender may use its buffer again once it is published',
      async run(stand) {
        const buffer = utf8.encode('first');
        await stand.publish([message(buffer)]);
        buffer.set(utf8.encode('xxxxx'));
        const delivery = await receiveOne(await stand.consume());
        assert.equal(new TextDecoder().decode(delivery.body), 'first');
        await delivery.ack();
      },
    },
  ],
};
