import type { Stand } from './stand.js';

/** One thing a batch store promises, and the cases that hold it to that. */
export interface PromiseCases {
  readonly promise: string;
  readonly cases: readonly Case[];
}

export interface Case {
  readonly title: string;
  /** It takes a second process's view of the same batches. */
  readonly shared?: boolean;
  run(stand: Stand): Promise<void>;
}
