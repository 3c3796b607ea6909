import type { Need } from './options.js';
import type { Stand } from './stand.js';

/** One thing a transport promises, and the cases that hold it to that. */
export interface PromiseCases {
  readonly promise: string;
  readonly cases: readonly Case[];
}

export interface Case {
  readonly title: string;
  /** Skipped, with the reason, where the transport lacks one of these. */
  readonly needs?: readonly Need[];
  run(stand: Stand): Promise<void>;
}
