import type { ResolvedConfig } from '../../config/resolved-config.js';
import { withThrun } from '../project.js';
import { fail, type Finding, messageOf, ok } from './check.js';

/** Opens the batch store and writes to it, where batches were ever made. */
export async function checkBatchStore(config: ResolvedConfig): Promise<Finding | undefined> {
  const { store, sqlite } = config.batches;
  if (store === undefined) return undefined;
  const name = typeof store === 'string' ? store : store.name;
  try {
    return await withThrun(config, async (thrun) => {
      if (!(await thrun.batchesUsed())) return undefined;
      const batches = await thrun.batches();
      const running = await batches.list({ status: 'running' }, MOST);
      // Writes, and changes nothing: no batch ended that long ago.
      await batches.prune({ finishedBefore: 0 });
      const count = running.length < MOST ? String(running.length) : `at least ${MOST}`;
      return ok(
        'batch store',
        `${name} can be read and written; ${count} ${running.length === 1 ? 'batch runs' : 'batches run'}`,
      );
    });
  } catch (error) {
    const where = name === 'sqlite' ? `See that ${sqlite.path} is a file this user may write` : `See that ${name} runs`;
    return fail('batch store', messageOf(error), `${where}, and that batches in the config is right.`);
  }
}

const MOST = 1000;
