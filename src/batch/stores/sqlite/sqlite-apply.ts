import type {
  Applied,
  BatchRecord,
  Change,
  JobHead,
  Move,
  NewJob,
  NextStage,
  OutboxEntry,
  Step,
  View,
} from '../../../contracts/batch-store.js';
import type { JobState } from '../../../contracts/batch.js';
import type { Database } from '../../../sqlite/driver.js';
import {
  type BatchRow,
  entryFrom,
  type HeadRow,
  headFrom,
  type OutboxRow,
  recordFrom,
  wordText,
} from './sqlite-store-rows.js';
import { STATES } from './sqlite-store-schema.js';
import type { StoreStatements } from './sqlite-store-statements.js';

interface Open {
  readonly n: number;
  relayUntil: number;
  batch: BatchRecord;
  changed: boolean;
}

/** Runs steps within one transaction. Each record is read once and written once, however many steps it sees. */
export function applySteps(
  database: Database,
  statements: StoreStatements,
  steps: readonly Step[],
): (Applied | undefined)[] {
  const open = new Map<string, Open | undefined>();
  const applied = steps.map((step) => {
    if (!open.has(step.batchId)) open.set(step.batchId, read(statements, step.batchId));
    const record = open.get(step.batchId);
    return record && applyStep(database, statements, record, step);
  });
  for (const record of open.values()) if (record?.changed) save(statements, record);
  return applied;
}

function read(statements: StoreStatements, batchId: string): Open | undefined {
  const row = statements.batch.get(batchId) as BatchRow | undefined;
  return row && { n: row.n, relayUntil: row.relay_until, batch: recordFrom(row), changed: false };
}

function save(statements: StoreStatements, { n, batch }: Open): void {
  const { status, updatedAt, finishedAt } = batch;
  statements.saveBatch.run(JSON.stringify(batch), status, isLive(batch), updatedAt, finishedAt ?? null, n);
}

/** Its jobs may run: what the sweeper looks at when nothing moves. */
export function isLive({ sealed, started }: BatchRecord): number {
  return sealed && started ? 1 : 0;
}

function applyStep(database: Database, statements: StoreStatements, open: Open, step: Step): Applied {
  const { batch, n } = open;
  const job = step.jobId === undefined ? undefined : (statements.job.get(n, step.jobId) as HeadRow | undefined);
  const record = job && headFrom(job);
  const change = step.transition(viewOf(database, statements, open, record, step.nextIn));
  write(database, statements, open, record, change, step);
  return { accepted: change.accepted, batch: change.batch ?? batch, job: record, outbox: take(statements, open, step) };
}

/** The next stage is looked for only by those who ask. */
function viewOf(
  database: Database,
  statements: StoreStatements,
  { n, batch }: Open,
  job: JobHead | undefined,
  nextIn: readonly JobState[],
): View {
  return {
    batch,
    job,
    get next() {
      return nextStage(database, statements, n, nextIn);
    },
  };
}

function nextStage(
  database: Database,
  statements: StoreStatements,
  n: number,
  states: readonly JobState[],
): NextStage | undefined {
  const [only, more] = states;
  const row = (
    only === 'waiting' && more === undefined
      ? statements.nextWaiting.get(n)
      : database
          .prepare(
            `SELECT stage, count(*) AS count, min(idx) AS first, max(idx) AS last FROM job
             WHERE batch = ? AND state IN (${numbers(states)}) GROUP BY stage ORDER BY stage LIMIT 1`,
          )
          .get(n)
  ) as { stage: number; count: number; first: number; last: number } | undefined;
  return row && { stage: row.stage, count: row.count, from: row.first, to: row.last };
}

function write(
  database: Database,
  statements: StoreStatements,
  open: Open,
  job: JobHead | undefined,
  change: Change,
  { now, add = [] }: Step,
): void {
  if (!change.batch) return;
  open.batch = change.batch;
  open.changed = true;
  if (change.job && job) {
    const { state, attempts, adds, error, result } = change.job;
    const number = STATES.indexOf(state);
    statements.saveJob.run(number, attempts, adds, wordText(error), result ?? null, now, open.n, job.index);
  }
  if (change.add) addJobs(statements, open.n, add, change.add, now);
  for (const move of change.moves ?? []) moveJobs(database, statements, open.n, move, now);
  for (const out of change.outbox ?? []) statements.addOutbox.run(open.n, now, JSON.stringify(out));
}

function moveJobs(database: Database, statements: StoreStatements, n: number, move: Move, now: number): void {
  const { from, to, stage, fresh } = move;
  // What each stage does when its turn comes.
  if (stage !== undefined && !fresh && to === 'queued' && from.length === 1 && from[0] === 'waiting') {
    statements.queueStage.run(now, n, stage);
    return;
  }
  const forget = fresh ? ', attempts = 0, error = NULL, result = NULL' : '';
  const sql = `UPDATE job SET state = ?1, changed_at = ?2${forget}
    WHERE batch = ?3 AND state IN (${numbers(from)}) AND (?4 IS NULL OR stage = ?4)`;
  database.prepare(sql).run(STATES.indexOf(to), now, n, stage ?? null);
}

export function addJobs(
  statements: StoreStatements,
  n: number,
  jobs: readonly NewJob[],
  from: NonNullable<Change['add']>,
  now: number,
): number {
  const state = STATES.indexOf(from.state);
  let added = 0;
  for (const { id, index, stage, event, payload, queue = null, key, child = null } of jobs) {
    const { changes } = statements.addJob.run(
      n,
      from.index + index,
      id,
      from.stage + stage,
      event,
      payload,
      queue,
      wordText(key),
      child,
      state,
      now,
    );
    added += Number(changes);
  }
  return added;
}

function take(
  statements: StoreStatements,
  open: Open,
  { relayUntil, now }: Pick<Step, 'relayUntil' | 'now'>,
): readonly OutboxEntry[] {
  if (relayUntil === undefined || open.relayUntil >= now) return [];
  const entries = (statements.outbox.all(open.n) as OutboxRow[]).map(entryFrom);
  if (entries.length > 0) {
    statements.lease.run(relayUntil, open.n);
    open.relayUntil = relayUntil;
  }
  return entries;
}

/** The outbox with its lease, unless somebody else has it. */
export function takeOutbox(
  statements: StoreStatements,
  batchId: string,
  relayUntil: number,
  now: number,
): readonly OutboxEntry[] {
  const open = read(statements, batchId);
  return open ? take(statements, open, { relayUntil, now }) : [];
}

function numbers(states: readonly JobState[]): string {
  return states.map((state) => STATES.indexOf(state)).join(', ');
}
