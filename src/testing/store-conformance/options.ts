import type { BatchStore } from '../../contracts/batch-store.js';
import type { TestApi } from '../conformance/options.js';

/** One store of its own, with nothing in it, for the length of one test. */
export interface StoreSubject {
  /** Not opened yet. */
  readonly store: BatchStore;
  /** A second process's view of the same batches, not opened yet. The suite closes it. Left out where there can be none. */
  another?(): Promise<BatchStore>;
  /** Called last, after every store is closed. */
  destroy(): Promise<void>;
}

export interface StoreConformanceOptions extends TestApi {
  create(): Promise<StoreSubject>;
  /** Batches are seen by other processes, and outlive this one. Default true; cases that need it are skipped else, and say so. */
  readonly shared?: boolean;
}
