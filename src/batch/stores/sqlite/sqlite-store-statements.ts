import type { Database, Statement } from '../../../sqlite/driver.js';

const HEAD = 'id, idx, stage, event, child, state, attempts, adds, error, result, changed_at';
const JOB = `${HEAD}, payload, queue, key`;

const SQL = {
  batch: 'SELECT n, record, relay_until FROM batch WHERE id = ?',
  addBatch: `INSERT OR IGNORE INTO batch (id, record, name, status, parent, live, created_at, updated_at, finished_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  saveBatch: 'UPDATE batch SET record = ?, status = ?, live = ?, updated_at = ?, finished_at = ? WHERE n = ?',
  status: 'SELECT status FROM batch WHERE id = ?',
  addJob: `INSERT OR IGNORE INTO job (batch, idx, id, stage, event, payload, queue, key, child, state, changed_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  job: `SELECT ${HEAD} FROM job WHERE batch = ? AND id = ?`,
  jobs: `SELECT ${JOB} FROM job WHERE batch = ? AND idx >= ? ORDER BY idx LIMIT ?`,
  saveJob: `UPDATE job SET state = ?, attempts = ?, adds = ?, error = ?, result = ?, changed_at = ?
    WHERE batch = ? AND idx = ?`,
  results: 'SELECT result FROM job WHERE batch = ? AND stage = ? ORDER BY idx',
  nextWaiting: `SELECT stage, count(*) AS count, min(idx) AS first, max(idx) AS last FROM job
    WHERE batch = ? AND state = 0 GROUP BY stage ORDER BY stage LIMIT 1`,
  queueStage: 'UPDATE job SET state = 1, changed_at = ? WHERE batch = ? AND stage = ? AND state = 0',
  addOutbox: 'INSERT INTO outbox (batch, at, out) VALUES (?, ?, ?)',
  outbox: 'SELECT seq, at, out FROM outbox WHERE batch = ? ORDER BY seq LIMIT 1000',
  dropOutbox: 'DELETE FROM outbox WHERE batch = ? AND seq <= ?',
  lease: 'UPDATE batch SET relay_until = ? WHERE n = ?',
  overdueUnsealed: `SELECT id FROM batch WHERE finished_at IS NULL AND live = 0 AND parent IS NULL AND updated_at < ?
    ORDER BY updated_at LIMIT ?`,
  overdueOutbox: `SELECT id FROM batch JOIN outbox ON outbox.batch = batch.n
    WHERE outbox.at < ? AND relay_until < ? GROUP BY n ORDER BY min(at), n LIMIT ?`,
  overdueIdle: `SELECT id FROM batch WHERE finished_at IS NULL AND live = 1 AND updated_at < ?
    ORDER BY updated_at LIMIT ?`,
  prunable: `SELECT n, id FROM batch WHERE parent IS NULL AND finished_at < ?1 AND (?2 IS NULL OR status = ?2)
    AND NOT EXISTS (SELECT 1 FROM outbox WHERE batch = n) ORDER BY finished_at LIMIT 100`,
  orphans: `SELECT n, id FROM batch b WHERE parent IS NOT NULL AND updated_at < ?
    AND NOT EXISTS (SELECT 1 FROM batch WHERE id = b.parent) LIMIT 100`,
  children: 'SELECT n, id FROM batch WHERE parent = ?',
  dropBatch: 'DELETE FROM batch WHERE n = ?',
  dropJobs: 'DELETE FROM job WHERE batch = ?',
  dropBatchOutbox: 'DELETE FROM outbox WHERE batch = ?',
} as const;

export type StoreStatements = { readonly [Name in keyof typeof SQL]: Statement };

export function prepareStoreStatements(database: Database): StoreStatements {
  return Object.fromEntries(
    Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)]),
  ) as unknown as StoreStatements;
}
