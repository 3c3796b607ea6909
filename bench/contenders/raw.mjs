import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { envelope } from '../payload.mjs';
import { POLL_MS } from './index.mjs';

/**
 * The driver alone, as well as it can be used for a queue: prepared statements, a range of messages claimed with one
 * lease row, acknowledged by one range delete in the transaction that claims the next. No retries, no groups, no
 * recovery of what a dead worker held, nothing checked.
 */
export const raw = (openDatabase) => ({
  async open({ folder, durability, role, concurrency }) {
    const database = await openDatabase(join(folder, 'raw.db'));
    // As in thrun, `full` is for what is published: a claim or an ack undone by a loss of power means one more delivery.
    const synchronous = role === 'publisher' && durability === 'full' ? 'FULL' : 'NORMAL';
    database.exec(`
      PRAGMA busy_timeout = 10000;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${synchronous};
      CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS progress (id INTEGER PRIMARY KEY, claimed INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS lease (token INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, until INTEGER NOT NULL);
      INSERT OR IGNORE INTO progress VALUES (1, 0);
    `);
    const transaction = inTransaction(database);
    return {
      ...publisher(database, transaction),
      work: (handle) => work(database, transaction, handle, concurrency),
      close: () => database.close(),
    };
  },
});

function inTransaction(database) {
  const [begin, commit] = ['BEGIN IMMEDIATE', 'COMMIT'].map((sql) => database.prepare(sql));
  return (write) => {
    begin.run();
    const result = write();
    commit.run();
    return result;
  };
}

function publisher(database, transaction) {
  const lastUsed = database.prepare(
    'SELECT max(claimed, coalesce((SELECT max(id) FROM message), 0)) AS id FROM progress',
  );
  const insert = database.prepare('INSERT INTO message (id, body) VALUES (?, ?)');
  const append = (payloads) =>
    transaction(() => {
      let { id } = lastUsed.get();
      for (const payload of payloads) insert.run(++id, JSON.stringify(envelope(payload)));
    });

  let together = [];
  let committed;
  /** Group commit: what comes in one turn of the event loop goes into one transaction. */
  const publishTogether = (payload) => {
    together.push(payload);
    committed ??= new Promise((resolve) => {
      setImmediate(() => {
        const payloads = together;
        together = [];
        committed = undefined;
        resolve(append(payloads));
      });
    });
    return committed;
  };
  return { publish: (payload) => append([payload]), publishTogether, publishMany: append };
}

async function work(database, transaction, handle, batch) {
  const claimed = database.prepare('SELECT claimed FROM progress');
  const read = database.prepare('SELECT id, body FROM message WHERE id > ? ORDER BY id LIMIT ?');
  const advance = database.prepare('UPDATE progress SET claimed = ?');
  const addLease = database.prepare('INSERT INTO lease (first, last, until) VALUES (?, ?, ?)');
  const dropLease = database.prepare('DELETE FROM lease WHERE token = ?');
  const drop = database.prepare('DELETE FROM message WHERE id BETWEEN ? AND ?');
  const version = database.prepare('PRAGMA data_version');

  const settle = ({ token, first, last }) => {
    if (Number(dropLease.run(token).changes) === 1) drop.run(first, last);
  };
  const claim = () => {
    const rows = read.all(claimed.get().claimed, batch);
    if (rows.length === 0) return undefined;
    const first = rows[0].id;
    const last = rows[rows.length - 1].id;
    advance.run(last);
    return { rows, first, last, token: addLease.run(first, last, Date.now() + 30_000).lastInsertRowid };
  };
  const runOne = async ({ body }) => handle(JSON.parse(body).payload);

  let stopping = false;
  const loop = (async () => {
    let range;
    let seen;
    for (;;) {
      const done = range;
      range = transaction(() => {
        if (done) settle(done);
        return stopping ? undefined : claim();
      });
      if (stopping && !range) return;
      if (range) await Promise.all(range.rows.map(runOne));
      else {
        seen = version.get().data_version;
        while (!stopping && version.get().data_version === seen) await sleep(POLL_MS);
      }
    }
  })();
  return {
    stop: () => {
      stopping = true;
      return loop;
    },
  };
}
