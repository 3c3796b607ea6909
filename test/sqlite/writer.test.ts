import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Database } from '../../src/sqlite/driver.js';
import { Writer, type WriterOptions } from '../../src/sqlite/writer.js';

class Busy extends Error {
  readonly errcode = 5;
}

/** Writes down what it is told; `fail` may throw instead. */
class FakeDatabase implements Database {
  readonly log: string[] = [];
  fail: (sql: string) => void = () => undefined;

  exec(sql: string): void {
    this.fail(sql);
    this.log.push(sql);
  }

  prepare(): never {
    throw new Error('the writer prepares nothing');
  }

  close(): void {
    this.log.push('close');
  }

  count(sql: string): number {
    return this.log.filter((one) => one === sql).length;
  }
}

function setUp(options: Partial<WriterOptions> = {}) {
  const database = new FakeDatabase();
  const told: string[] = [];
  const writer = new Writer(database, {
    owner: 'transport',
    durability: 'full',
    busyMs: 100,
    onCommit: () => told.push('commit'),
    onStuck: () => told.push('stuck'),
    explain: (error) => error,
    ...options,
  });
  return { database, writer, told };
}

/** Fails the next `times` statements that begin a transaction. */
function lock(database: FakeDatabase, times: number): void {
  database.fail = (sql) => {
    if (sql === 'BEGIN IMMEDIATE' && times-- > 0) throw new Busy('locked');
  };
}

/** Transactions end, turns are taken and patience runs out by the clock: stopped, a machine that stands still changes nothing. */
function stopClock(): void {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  onTestFinished(() => clock.mockRestore());
}

const boom = () => {
  throw new Error('boom');
};

describe('group commit', () => {
  test('what is asked for at once is written in one transaction, in order, each with its own result', async () => {
    stopClock();
    const { database, writer, told } = setUp();
    const order: number[] = [];
    const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => writer.run(() => order.push(i) && i)));
    expect(results).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(order).toEqual(results);
    expect(database.log).toEqual(['PRAGMA synchronous = NORMAL', 'BEGIN IMMEDIATE', 'COMMIT']);
    expect(told).toEqual(['commit']);
  });

  test('a transaction that has taken long ends, and the rest goes into the next', async () => {
    const { database, writer } = setUp();
    const slow = () => {
      const end = performance.now() + 15;
      while (performance.now() < end);
    };
    await Promise.all(Array.from({ length: 6 }, () => writer.run(slow)));
    expect(database.count('COMMIT')).toBeGreaterThan(1);
  });

  test('fsync is paid where one of them has to be durable, and only then', async () => {
    stopClock();
    const { database, writer } = setUp();
    await writer.run(() => 1);
    await Promise.all([writer.run(() => 1), writer.run(() => 1, { durable: true })]);
    await writer.run(() => 1);
    const pragmas = database.log.filter((sql) => sql.startsWith('PRAGMA'));
    expect(pragmas).toEqual([
      'PRAGMA synchronous = NORMAL',
      'PRAGMA synchronous = FULL',
      'PRAGMA synchronous = NORMAL',
    ]);
  });

  test('with durability normal it is never paid', async () => {
    const { database, writer } = setUp({ durability: 'normal' });
    await writer.run(() => 1, { durable: true });
    expect(database.log).toEqual(['BEGIN IMMEDIATE', 'COMMIT']);
  });

  test('without an fsync to share a publish waits for what runs, and not for a turn of the event loop', async () => {
    stopClock();
    const { database, writer } = setUp({ durability: 'normal' });
    const publish = () => writer.run(() => 1, { durable: true });
    await publish();
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    await Promise.all([publish(), publish()]);
    expect(turned).toBe(false);
    expect(database.count('COMMIT')).toBe(2);
  });

  test('whoever publishes without end lets everything else run', async () => {
    const { writer } = setUp({ durability: 'normal' });
    let fired = 0;
    const timer = setInterval(() => fired++, 1);
    const giveUpAt = performance.now() + 10_000;
    while (fired < 2 && performance.now() < giveUpAt) await writer.run(() => 1, { durable: true });
    clearInterval(timer);
    expect(fired).toBeGreaterThan(1);
  });

  test('who wants to hear of the commit does so before anything else can run, and not of one that was undone', async () => {
    const { database, writer } = setUp();
    const heard: unknown[] = [];
    let settled = false;
    const running = writer.run(() => 7, { committed: (result) => heard.push(result, settled) });
    void running.then(() => {
      settled = true;
    });
    await running;
    expect(heard).toEqual([7, false]);
    database.fail = (sql) => {
      if (sql === 'COMMIT') throw new Error('no room');
    };
    await expect(writer.run(() => 8, { committed: (result) => heard.push(result) })).rejects.toThrow('no room');
    expect(heard).toEqual([7, false]);
  });

  test('what hurries does not wait for company', async () => {
    const { database, writer } = setUp();
    const running = writer.run(() => 1, { lazy: true });
    writer.hurry();
    await new Promise((resolve) => setImmediate(resolve));
    expect(database.count('COMMIT')).toBe(1);
    await running;
  });

  test('what may wait goes along with what may not', async () => {
    stopClock();
    const { database, writer } = setUp();
    await Promise.all([writer.run(() => 1, { lazy: true }), writer.run(() => 2)]);
    await writer.run(() => 3, { lazy: true });
    expect(database.count('COMMIT')).toBe(2);
  });

  test('nobody is woken for what is nobody else’s business', async () => {
    stopClock();
    const { writer, told } = setUp();
    await writer.run(() => 1, { quiet: true });
    expect(told).toEqual([]);
    await Promise.all([writer.run(() => 1, { quiet: true }), writer.run(() => 1)]);
    expect(told).toEqual(['commit']);
  });
});

describe('one that fails', () => {
  test('does not fail the others, wherever it stands, and is told its own error', async () => {
    for (const at of [0, 1, 5, 9]) {
      const { database, writer } = setUp();
      let inTransaction: number[] = [];
      const written: number[] = [];
      const exec = database.exec.bind(database);
      database.exec = (sql) => {
        exec(sql);
        if (sql === 'COMMIT') written.push(...inTransaction);
        inTransaction = [];
      };
      const tasks = Array.from({ length: 10 }, (_, i) => writer.run(i === at ? boom : () => inTransaction.push(i)));
      const results = await Promise.allSettled(tasks);
      expect(results.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([at]);
      expect(results[at]).toMatchObject({ reason: { message: 'boom' } });
      expect(written).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((i) => i !== at));
      expect(database.log.at(-1)).toMatch(/COMMIT|ROLLBACK/);
    }
  });

  test('all of them may fail', async () => {
    const { writer } = setUp();
    const results = await Promise.allSettled([writer.run(boom), writer.run(boom), writer.run(boom)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await writer.run(() => 'it works on')).toBe('it works on');
  });

  test('a commit that fails leaves nothing confirmed', async () => {
    const { database, writer } = setUp();
    let full = true;
    database.fail = (sql) => {
      if (sql === 'COMMIT' && full) throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
      // SQLite has rolled back by itself by then.
      if (sql === 'ROLLBACK') throw new Error('no transaction is active');
    };
    await expect(writer.run(() => 1)).rejects.toThrow('full');
    full = false;
    expect(await writer.run(() => 2)).toBe(2);
  });
});

describe('a file that is locked', () => {
  test('is tried again until it is free, with everything that came meanwhile, in order', async () => {
    stopClock();
    const { database, writer } = setUp();
    const order: string[] = [];
    let late: Promise<number> | undefined;
    let refusals = 5;
    database.fail = (sql) => {
      if (sql !== 'BEGIN IMMEDIATE' || refusals === 0) return;
      late ??= writer.run(() => order.push('late'));
      refusals--;
      throw new Busy('locked');
    };
    await writer.run(() => order.push('early'));
    await late;
    expect(order).toEqual(['early', 'late']);
  });

  test('found locked at the commit: all of it is undone and done again', async () => {
    stopClock();
    const { database, writer } = setUp();
    let refusals = 2;
    database.fail = (sql) => {
      if (sql === 'COMMIT' && refusals-- > 0) throw new Busy('locked');
    };
    let runs = 0;
    expect(await writer.run(() => ++runs)).toBe(3);
    expect([database.count('ROLLBACK'), database.count('COMMIT')]).toEqual([2, 1]);
  });

  test('locked for too long: THRUN_TRANSPORT_BUSY, said once to those who listen', async () => {
    const { database, writer, told } = setUp();
    lock(database, Number.POSITIVE_INFINITY);
    const from = performance.now();
    const results = await Promise.allSettled([writer.run(() => 1), writer.run(() => 2)]);
    expect(performance.now() - from).toBeGreaterThanOrEqual(95);
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'THRUN_TRANSPORT_BUSY' } });
    await writer.run(() => 3).catch(() => undefined);
    expect(told).toEqual(['stuck']);
    lock(database, 0);
    expect(await writer.run(() => 4)).toBe(4);
  });

  test('who keeps trying is not refused, as long as that is wanted', async () => {
    const { database, writer } = setUp({ busyMs: 20 });
    lock(database, Number.POSITIVE_INFINITY);
    let wanted = true;
    let outcome = 'waits';
    const patient = writer
      .run(() => 1, { keepTrying: () => wanted })
      .catch((error: { code: string }) => {
        outcome = error.code;
      });
    await expect(writer.run(() => 2)).rejects.toMatchObject({ code: 'THRUN_TRANSPORT_BUSY' });
    expect(outcome).toBe('waits');
    wanted = false;
    await patient;
    expect(outcome).toBe('THRUN_TRANSPORT_BUSY');
  });
});

describe('closing', () => {
  test('waits for what was asked for, then refuses', async () => {
    const { writer } = setUp();
    const done: number[] = [];
    const running = Array.from({ length: 50 }, (_, i) =>
      writer.run(() => i, { lazy: i % 2 === 0 }).then((n) => done.push(n)),
    );
    await writer.close();
    await Promise.all(running);
    expect(done).toHaveLength(50);
    await expect(writer.run(() => 1)).rejects.toMatchObject({ code: 'THRUN_TRANSPORT_CLOSED' });
  });

  test('waits for what is kept by a lock', async () => {
    stopClock();
    const { database, writer } = setUp();
    lock(database, 5);
    const running = writer.run(() => 'written');
    await new Promise(setImmediate);
    await writer.close();
    expect(await running).toBe('written');
  });
});
