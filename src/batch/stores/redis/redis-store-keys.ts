/** All that is kept of one batch, in one slot of a cluster, so that one script may touch all of it. */
export interface BatchKeys {
  /** hash: v, the version; record, JSON; relay, until when a relay has the outbox; seq, the last one given out; w:<store>, its last write */
  readonly batch: string;
  /** string: one digit for each job, by its index; see STATES */
  readonly states: string;
  /** string: when each job's state last changed, 8 bytes each (double) */
  readonly times: string;
  /** string: each job's stage, 4 bytes each; never falls along the index */
  readonly stages: string;
  /** hash: id of a job → its index, what is decided by of it as it was added, JSON; after a line break the rest, JSON; after another its payload */
  readonly jobs: string;
  /** hash: index → id of the job */
  readonly ids: string;
  /** hash: index → how often it added jobs, and what it came to, JSON. Absent: it has not begun */
  readonly runs: string;
  /** zset: entry → its seq */
  readonly outbox: string;
  /** set: ids of the batches nested in this one. There before either of the two is. */
  readonly children: string;
}

export function keysOf(batchId: string): BatchKeys {
  const of = (what: string) => `{thrun:batch:${batchId}}:${what}`;
  return {
    batch: of('batch'),
    states: of('states'),
    times: of('times'),
    stages: of('stages'),
    jobs: of('jobs'),
    ids: of('ids'),
    runs: of('runs'),
    outbox: of('outbox'),
    children: of('children'),
  };
}

/** As `load` and `write` take them. */
export function scriptKeys(batchId: string): readonly string[] {
  const { batch, states, times, stages, jobs, ids, runs, outbox } = keysOf(batchId);
  return [batch, states, times, stages, jobs, ids, runs, outbox];
}

/** Which batches there are, in a slot of their own. */
export const INDEX = {
  /** The layout of all of this, once there was a batch. */
  format: '{thrun:batches}:format',
  /** zset: id → when it was made */
  all: '{thrun:batches}:all',
  /** zsets: id → a time; what the sweeper looks for is not older than that. See redis-index.ts */
  unsealed: '{thrun:batches}:unsealed',
  outbox: '{thrun:batches}:outbox',
  idle: '{thrun:batches}:idle',
} as const;
