import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CommittedOffset, KafkaRecord } from '../../../src/transports/kafka/kafka-client.js';
import type { Entry } from '../../../src/transports/kafka/kafka-entry.js';
import { Ledger } from '../../../src/transports/kafka/kafka-ledger.js';
import { DONE, FREE, HELD, readRuns, type Run, writeRuns } from '../../../src/transports/kafka/kafka-ledger-text.js';

const PLACE = { topic: 'events', partition: 0 };

describe('the ledger of a partition', () => {
  test('whatever happens, a worker that takes it over gets everything that was not settled, and nothing that was', () => {
    fc.assert(
      fc.property(
        offsets(),
        fc.array(fc.tuple(fc.nat(), fc.nat(4)), { maxLength: 80 }),
        fc.nat(),
        (gaps, moves, read) => {
          const all = gaps.map(record);
          const known = read % (all.length + 1);
          const ledger = new Ledger(PLACE, false, undefined, 0);
          const entries = [...ledger.add(all.slice(0, known), endOf(all.slice(0, known)))];
          for (const [which, move] of moves) play(ledger, entries[which % Math.max(1, entries.length)], move);
          const open = new Map(entries.filter(({ status }) => status !== DONE).map((entry) => [entry.offset, entry]));
          const before = new Map([...open].map(([offset, { attempt, status }]) => [offset, { attempt, status }]));

          const committed = ledger.commit();
          const next = new Ledger(PLACE, false, committed, 0);
          const found = readAgain(next, all, committed.offset);

          const expected = all.map(({ offset }) => offset).filter((offset, i) => i >= known || open.has(offset));
          expect(found.map(({ offset }) => offset)).toEqual(expected);
          for (const entry of found) {
            const was = before.get(entry.offset) ?? { attempt: 1, status: FREE };
            expect(entry.attempt).toBe(was.status === FREE ? was.attempt : was.attempt + 1);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('what is said is read back, handed on once more, until all is read', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 40 }), fc.nat(40), (fates, part) => {
        const all = fates.map((_, i) => record(i));
        const first = new Ledger(PLACE, false, undefined, 0);
        const entries = first.add(all, all.length);
        for (const [i, entry] of entries.entries()) play(first, entry, fates[i] ?? 0);
        // Somebody takes it over, reads a part of it and passes it on without touching anything.
        const second = new Ledger(PLACE, false, first.commit(), 0);
        second.add(
          all.slice(0, part).filter(({ offset }) => offset >= second.position),
          Math.min(part, all.length),
        );
        const third = new Ledger(PLACE, false, second.commit(), 0);
        const found = readAgain(third, all, third.position).map(({ offset }) => offset);
        expect(found).toEqual(entries.filter(({ status }) => status !== DONE).map(({ offset }) => offset));
      }),
      { numRuns: 500 },
    );
  });

  test('its offset never moves backwards', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(29), fc.nat(4)), { maxLength: 100 }), (moves) => {
        const ledger = new Ledger(PLACE, false, undefined, 0);
        const entries = ledger.add(
          Array.from({ length: 30 }, (_, i) => record(i)),
          30,
        );
        let low = 0;
        for (const [which, move] of moves) {
          play(ledger, entries[which], move);
          expect(ledger.commit().offset).toBeGreaterThanOrEqual(low);
          low = ledger.low;
        }
      }),
    );
  });

  test('a thousand times done and open in turn still fits beside an offset; what does not fit comes again', () => {
    const runs: Run[] = Array.from({ length: 10_000 }, (_, i) => ({
      length: 1,
      status: i % 2 ? DONE : HELD,
      vain: 0,
      begun: 0,
    }));
    const text = writeRuns(runs);
    expect(text.length).toBeLessThanOrEqual(4096);
    const read = readRuns(text);
    expect(read.reduce((sum, { length }) => sum + length, 0)).toBe(10_000);
    expect(read.at(-1)?.status).toBe(HELD);
    expect(readRuns(writeRuns(runs.slice(0, 1000)))).toEqual(runs.slice(0, 1000));
  });

  test('text of somebody else says nothing', () => {
    for (const text of ['', 'consumer-1', 't9.AAAA', '{"a":1}']) expect(readRuns(text)).toEqual([]);
  });

  test('what is given out as soon as it is read is held in whatever the broker may know', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(6), fc.nat(200)), { maxLength: 60 }), (moves) => {
        const ledger = new Ledger(PLACE, false, undefined, 0);
        const all: KafkaRecord[] = [];
        const given: Entry[] = [];
        let known: CommittedOffset[] = [{ ...PLACE, offset: 0, metadata: '' }];
        let sent: CommittedOffset | undefined;
        for (const [move, n] of moves) {
          if (move <= 1) {
            const more = Array.from({ length: n % 60 }, (_, i) => record(all.length + i));
            all.push(...more);
            given.push(...ledger.add(more, all.length).filter(({ status }) => status === HELD));
          } else if (move === 2) {
            sent = ledger.commit(n % 4 > 0);
            known.push(sent);
          } else if (move === 3 && sent) {
            known = [sent];
            ledger.committed();
            sent = undefined;
          } else if (move === 4 && sent) {
            // Refused, or the answer was lost: who knows.
            ledger.isDirty = true;
            sent = undefined;
          } else if (move === 5 && given.length > 0) {
            const [entry] = given.splice(n % given.length, 1) as [Entry];
            if (n % 2) ledger.done(entry);
            else ledger.free(entry);
          } else if (move === 6) {
            ledger.standBack();
          }
          for (const state of known) {
            const found = new Map(
              readAgain(new Ledger(PLACE, false, state, 0), all, state.offset).map((entry) => [entry.offset, entry]),
            );
            for (const { offset } of given) expect(found.get(offset)?.crashes).toBe(1);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('what comes after a worker died was not received by it', () => {
    const dead = new Ledger(PLACE, false, undefined, 0);
    const [first] = dead.add([record(0)], 1);
    dead.claim(first as Entry);
    const committed = dead.commit(true);
    const next = new Ledger(PLACE, false, committed, 0, 3);
    const found = next.add([0, 1, 2, 3, 4].map(record), 5).map(({ crashes }) => crashes);
    expect(found).toEqual([1, 1, 1, 0, 0]);
  });

  test('who stands back holds nothing of what comes', () => {
    const ledger = new Ledger(PLACE, false, undefined, 0);
    ledger.commit(true);
    ledger.committed();
    expect(ledger.add([record(0)], 1).map(({ status }) => status)).toEqual([HELD]);
    ledger.standBack();
    expect(ledger.isDirty).toBe(true);
    expect(ledger.add([record(1)], 2).map(({ status }) => status)).toEqual([FREE]);
    expect(readRuns(ledger.commit().metadata)).toEqual([{ length: 1, status: HELD, vain: 0, begun: 0 }]);
  });

  test('nothing runs beside another of its key, and what waits comes in order', () => {
    const ledger = new Ledger(PLACE, false, undefined, 0);
    const records = ['a', 'b', 'a', 'b', 'a'].map((key, i) => ({ ...record(i), key: Buffer.from(key) }));
    const ready = ledger.add(records, 5);
    expect(ready.map(({ offset }) => offset)).toEqual([0, 1]);
    expect(ledger.done(ready[0] as Entry)?.offset).toBe(2);
    expect(ledger.done(ready[1] as Entry)?.offset).toBe(3);
    expect(ledger.low).toBe(2);
  });
});

function record(offset: number): KafkaRecord {
  return { offset, timestamp: 0, key: null, value: Buffer.from(String(offset)), headers: {} };
}

/** Sparse: what markers of transactions and compaction leave out. */
function offsets(): fc.Arbitrary<number[]> {
  return fc
    .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 40 })
    .map((steps) => steps.reduce<number[]>((all, step) => [...all, (all.at(-1) ?? -1) + step], []));
}

function endOf(records: readonly KafkaRecord[]): number {
  return (records.at(-1)?.offset ?? -1) + 1;
}

function readAgain(ledger: Ledger, all: readonly KafkaRecord[], from: number): readonly Entry[] {
  return ledger.add(
    all.filter(({ offset }) => offset >= from),
    endOf(all),
  );
}

/** Claim, hand back, settle, begin. */
function play(ledger: Ledger, entry: Entry | undefined, move: number): void {
  if (!entry || entry.status === DONE) return;
  if (move === 1) ledger.claim(entry);
  else if (move === 2) ledger.free(entry);
  else if (move === 3) ledger.done(entry);
  else if (move === 4 && entry.status === HELD) ledger.begin(entry);
}
