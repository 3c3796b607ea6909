import { SqliteStore } from '../../src/batch/stores/sqlite/sqlite-store.js';
import type { Applied, NewJob, OutboxEntry, Step } from '../../src/contracts/batch-store.js';

/** A store whose process dies at a moment a test chooses: what is committed stays, what would have followed does not happen. */
export class MortalStore extends SqliteStore {
  /** After the commit of a step that answers true, before anything is sent. */
  diesAfter: (step: Step, applied: Applied | undefined) => boolean = () => false;
  /** All is sent, and is not crossed off. */
  diesUnsent = false;
  /** Between the first jobs of a large batch and the rest. */
  beforeFill: () => Promise<void> | void = () => undefined;

  constructor() {
    super({ path: ':memory:' });
  }

  override async apply(steps: readonly Step[]): Promise<readonly (Applied | undefined)[]> {
    const all = await super.apply(steps);
    return all.map((applied, i) =>
      applied && this.diesAfter(steps[i] as Step, applied) ? { ...applied, outbox: [] } : applied,
    );
  }

  override async sent(batchId: string, seq: number, held: number, until: number): Promise<readonly OutboxEntry[]> {
    if (!this.diesUnsent) return super.sent(batchId, seq, held, until);
    this.diesUnsent = false;
    throw new Error('the process has died');
  }

  override async fill(batchId: string, jobs: readonly NewJob[], now: number): Promise<boolean> {
    await this.beforeFill();
    return super.fill(batchId, jobs, now);
  }
}
