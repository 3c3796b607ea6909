import type { Thrun } from '../../app.js';
import type { BatchRecord } from '../../contracts/batch-store.js';
import { ThrunError } from '../../contracts/errors.js';

/** Batches among which the beginning of an id is looked for, the newest first. */
const SEARCHED = 10_000;
const MOST_NAMED = 5;

/**
 * The batch of this id, or the only one whose id begins like this.
 * @throws {ThrunError} THRUN_BATCH_UNKNOWN, or THRUN_INPUT when several begin like it
 */
export async function findBatch(thrun: Thrun, given: string): Promise<BatchRecord> {
  const found = (await thrun.batchesUsed()) ? await matching(thrun, given) : [];
  const [only, another] = found;
  if (only && !another) return only;
  if (!only) throw new ThrunError('THRUN_BATCH_UNKNOWN', [JSON.stringify(given)]);
  const ids = found.slice(0, MOST_NAMED).map(({ id }) => id);
  const more = found.length > ids.length ? `, and ${found.length - ids.length} more` : '';
  throw new ThrunError('THRUN_INPUT', [
    `Several batches begin with ${given}: ${ids.join(', ')}${more}. Give more of the id.`,
  ]);
}

async function matching(thrun: Thrun, given: string): Promise<readonly BatchRecord[]> {
  const batches = await thrun.batches();
  const exact = await batches.store.get(given);
  if (exact) return [exact];
  if (given === '') return [];
  const beginning = given.toLowerCase();
  return (await batches.list({ nested: true }, SEARCHED)).filter(({ id }) => id.startsWith(beginning));
}
