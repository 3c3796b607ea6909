import { test } from 'vitest';
import { acking, allReceived, consuming, message, opened, queueName, through } from './stage.js';

/** Frames of the broker, from their length on: what comes before it is the number of the channel. */
const OPENED = method(10, 41, 0);
const CONFIRMING = method(85, 11);
const BOUND = method(50, 21);

// A client that was busy reads in one go what the broker said at different times.
test.each([
  ['consuming connection is opened', OPENED, 1],
  ['publishing connection is opened', OPENED, 2],
  ['channel confirms', CONFIRMING, 1],
  ['inbox is bound', BOUND, 1],
  ['group is bound', BOUND, 2],
])('shut down in the very moment the %s: everybody goes on by themselves', async (_, answer, nth) => {
  const { proxy, proxied } = await through();
  const shutDown = proxy.endWith(goodbye(), answer, nth);
  const transport = await opened(proxied);
  const queue = queueName();
  const { consumer } = await consuming(transport, queue);
  const received = acking(consumer);
  await transport.publish(queue, [message('before')]);
  await shutDown;
  await transport.publish(queue, [message('after')]);
  await allReceived(['before', 'after'], received, 20_000);
});

/** A method without arguments but for these bytes, as the broker writes it. */
function method(classId: number, methodId: number, ...more: readonly number[]): Buffer {
  return Buffer.from([0, 0, 0, 4 + more.length, 0, classId, 0, methodId, ...more, 0xce]);
}

function goodbye(): Buffer {
  const text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'";
  const code = 320;
  return Buffer.from([
    ...[1, 0, 0],
    ...method(10, 50, code >> 8, code & 255, text.length, ...Buffer.from(text), 0, 0, 0, 0),
  ]);
}
