import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyedPartition, murmur2 } from '../../../src/transports/kafka/kafka-partition.js';
import {
  groupId,
  groupOf,
  groupTopics,
  roleOf,
  topicName,
  waitTopic,
} from '../../../src/transports/kafka/kafka-names.js';

test('an ordinary queue is the topic of the same name', () => {
  for (const name of ['events', 'order-events', 'a.b_c', 'E1']) expect(topicName(name)).toBe(name);
  expect(groupTopics('events', 'orders')).toEqual({
    again: 'events.thrun-again.orders',
    wait: 'events.thrun-wait.orders',
    dead: 'events.thrun-dead.orders',
  });
  expect(waitTopic('events')).toBe('events.thrun-wait');
  expect(groupId('events', 'orders')).toBe('orders@events');
});

test('any two names are two topics that Kafka takes, and can be read back', () => {
  const name = fc.oneof(
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.constantFrom('.', '..', 'a.thrun-wait', '-x2d', '-x', 'a@b'),
  );
  fc.assert(
    fc.property(name, name, (queue, group) => {
      const { again, dead } = groupTopics(queue, group);
      for (const topic of [topicName(queue), again, dead]) {
        expect(topic).toMatch(/^[A-Za-z0-9._-]{1,249}$/);
        expect(['.', '..']).not.toContain(topic);
      }
      if (!isWhole(queue) || !isWhole(group)) return;
      expect(roleOf(topicName(queue))).toEqual({ queue, group: undefined, kind: 'main' });
      expect(roleOf(again)).toEqual({ queue, group, kind: 'again' });
      expect(roleOf(waitTopic(queue))).toEqual({ queue, group: undefined, kind: 'wait' });
      expect(groupOf(groupId(queue, group), queue)).toBe(group);
    }),
    { numRuns: 1000 },
  );
});

test('a name that is too long is cut, and is still its own', () => {
  const [a, b] = ['a', 'b'].map((end) => topicName(`${'x'.repeat(254)}${end}`));
  expect(a).not.toBe(b);
  expect(a?.length).toBeLessThanOrEqual(249);
});

test('keys meet in the partition that other clients put them in', () => {
  // What Java's client computes for these.
  const known: Readonly<Record<string, number>> = {
    '21': -973932308,
    foobar: -790332482,
    'a-little-bit-long-string': -985981536,
  };
  for (const [key, hash] of Object.entries(known)) expect(murmur2(Buffer.from(key))).toBe(hash);
  expect(keyedPartition('foobar', 6)).toBe((-790332482 & 0x7fffffff) % 6);
});

/** A lone surrogate is no text that could be written down. */
function isWhole(name: string): boolean {
  return Buffer.from(name).toString() === name;
}
