import type { LifecycleEvents } from '../contracts/batch.js';
import type { Limits } from '../envelope/index.js';

/** A batch as it is to be made: checked, classes resolved to contract names, payloads as JSON text. */
export interface BatchDefinition {
  readonly name: string | undefined;
  /** All jobs beside each other. */
  readonly parallel: boolean;
  readonly allowFailures: boolean;
  readonly events: LifecycleEvents;
  /** One after the other; the members of one stage beside each other. Of a parallel batch all is one stage. */
  readonly stages: readonly (readonly MemberDefinition[])[];
}

export type MemberDefinition = JobDefinition | NestedDefinition;

export interface JobDefinition {
  readonly kind: 'job';
  readonly event: string;
  /** JSON text. */
  readonly payload: string;
  readonly queue: string | undefined;
  readonly key: string | undefined;
}

export interface NestedDefinition {
  readonly kind: 'batch';
  readonly batch: BatchDefinition;
}

/** What a batch without a name is called among the jobs of the batch it is nested in. */
export const UNNAMED = 'batch';

/** What can be nested: gives its definition when it is asked by this name, also to another copy of this package. */
export const DEFINITION = Symbol.for('thrun.batch.definition');

export interface Definable {
  /** `above`: where it is nested, in front of the places of its own that errors name: `jobs[2].`. */
  [DEFINITION](limits: Limits, depth: number, above?: string): BatchDefinition;
}
