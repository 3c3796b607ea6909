import { expect, test } from 'vitest';
import type { Fetched, KafkaRecord } from '../../../src/transports/kafka/kafka-client.js';
import { Questions, type Wanted } from '../../../src/transports/kafka/kafka-questions.js';

const own: Wanted = { topic: 'events', partition: 0, offset: 5, isBeside: false };
const again: Wanted = { topic: 'events.thrun-again.workers', partition: 0, offset: 7, isBeside: true };
const wait: Wanted = { topic: 'events.thrun-wait.workers', partition: 3, offset: 9, isBeside: true };
const all = [own, again, wait];

test('while nothing comes all is in every question, which waits for as long as ever', () => {
  const questions = new Questions();
  for (const now of [0, 1, 2, 252]) {
    const question = questions.next(all, now);
    expect(question).toEqual({ places: all, waitMs: 250 });
    questions.answered(question, []);
  }
});

test('while the own topic flows the rest is asked for after 20 ms, however the questions lie', () => {
  const questions = new Questions();
  questions.answered(questions.next(all, 100), [from(own)]);
  let now = 100;
  for (let i = 0; i < 9; i++) {
    now += 2;
    const question = questions.next(all, now);
    expect(question).toEqual({ places: [own], waitMs: 120 - now });
    questions.answered(question, [from(own)]);
  }
  expect(questions.next(all, 119.5).waitMs).toBe(1);
  expect(questions.next(all, 120)).toEqual({ places: all, waitMs: 250 });
});

test('once it stops to flow all is asked for again, and what comes from beside does not hold itself up', () => {
  const questions = new Questions();
  questions.answered(questions.next(all, 0), [from(own), from(again)]);
  const lean = questions.next(all, 1);
  expect(lean.places).toEqual([own]);
  questions.answered(lean, []);
  const full = questions.next(all, 2);
  expect(full.places).toEqual(all);
  questions.answered(full, [from(again), from(wait)]);
  expect(questions.next(all, 3).places).toEqual(all);
});

test('whoever has no room for more of the own topic, or no part of it, asks for the rest', () => {
  const questions = new Questions();
  questions.answered(questions.next(all, 0), [from(own)]);
  expect(questions.next([again, wait], 1)).toEqual({ places: [again, wait], waitMs: 250 });
});

test('of each answer it is told what was asked', () => {
  const questions = new Questions();
  const question = questions.next(all, 0);
  expect(questions.answered(question, [from(wait), from({ ...own, partition: 1 })])).toEqual([wait, undefined]);
});

function from({ topic, partition, offset }: Wanted): Fetched {
  const record: KafkaRecord = { offset, timestamp: 0, key: null, value: null, headers: {} };
  return { topic, partition, records: [record], next: offset + 1 };
}
