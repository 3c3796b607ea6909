import type { NamedBatch } from '../contracts/batch.js';
import { ThrunError } from '../contracts/errors.js';
import { contractOf } from '../dispatch/payload-of.js';
import { encode, eventNameProblem, type Limits, RawJson } from '../envelope/index.js';
import {
  type BatchDefinition,
  type Definable,
  DEFINITION,
  type JobDefinition,
  type MemberDefinition,
} from './definition.js';
import { type BatchNaming, namingOf } from './named-batch.js';

/** A job by its contract name, for those that have no class here. */
export interface JobSpec {
  readonly event: string;
  /** Default `{}`. */
  readonly payload?: unknown;
  /** The queue it is sent to. Default: the one its handler runs from, else the config's. */
  readonly queue?: string;
  /** Ordering key. */
  readonly key?: string;
}

/** One member of a batch: an instance of a job class, a job by name, or a batch to be nested. */
export type BatchMember = object;

/** What `thrun.batch()` takes: members in order; a list among them is a parallel stage. */
export type BatchMembers = readonly (BatchMember | readonly BatchMember[])[];

/** Batches in batches; deeper is a mistake, or a batch that holds itself. */
const DEEPEST = 16;

/**
 * Members as a caller writes them, to stages.
 * @throws {ThrunError} THRUN_BATCH_DEFINITION with the place of what is wrong (`jobs[2][0]`), or what encoding it would throw
 */
export function stagesOf(
  members: BatchMembers,
  parallel: boolean,
  limits: Limits,
  depth = 0,
  above = '',
): readonly (readonly MemberDefinition[])[] {
  const all = `${above}jobs`;
  if (!Array.isArray(members)) throw wrong(all, 'it is not a list');
  if (depth > DEEPEST) throw wrong(all, `batches are nested deeper than ${DEEPEST} levels, or one holds itself`);
  const stages = members
    .map((member: unknown, index): readonly MemberDefinition[] => {
      const path = `${all}[${index}]`;
      if (!Array.isArray(member)) return [memberOf(member, path, limits, depth)];
      return member.map((one: unknown, at) => memberOf(one, `${path}[${at}]`, limits, depth));
    })
    .filter((stage) => stage.length > 0);
  return parallel && stages.length > 0 ? [stages.flat()] : stages;
}

function memberOf(member: unknown, path: string, limits: Limits, depth: number): MemberDefinition {
  if (Array.isArray(member)) {
    throw wrong(path, 'it is a list in a parallel stage; put a batch there: thrun.batch([…])');
  }
  if (typeof member === 'function') {
    throw wrong(path, `it is the class ${member.name}; give an instance of it: new ${member.name}(…)`);
  }
  if (typeof member !== 'object' || member === null) throw wrong(path, 'it is neither a job nor a batch');
  if (DEFINITION in member)
    return { kind: 'batch', batch: (member as Definable)[DEFINITION](limits, depth + 1, `${path}.`) };
  const naming = namingOf(member);
  if (naming) {
    const batch = definitionOf(naming, (member as NamedBatch).jobs(), limits, depth + 1, `${path}.`);
    return { kind: 'batch', batch };
  }
  return isPlain(member) ? specified(member as JobSpec, path, limits) : instance(member, path, limits);
}

function definitionOf(
  { name, options }: BatchNaming,
  members: BatchMembers,
  limits: Limits,
  depth: number,
  above: string,
): BatchDefinition {
  const { parallel = false, allowFailures = false, ...events } = options;
  return { name, parallel, allowFailures, events, stages: stagesOf(members, parallel, limits, depth, above) };
}

function instance(member: object, path: string, limits: Limits): JobDefinition {
  const { event, payload } = contractOf(member, undefined);
  return job({ event, payload }, path, limits);
}

function specified(spec: JobSpec, path: string, limits: Limits): JobDefinition {
  if (typeof spec.event !== 'string')
    throw wrong(path, 'it has no "event"; give { event: "create_payment", payload: {} }');
  const queueProblem = spec.queue === undefined ? undefined : eventNameProblem(spec.queue);
  if (queueProblem !== undefined) throw wrong(path, `its queue cannot be called that: ${queueProblem}`);
  return job(spec, path, limits);
}

function job({ event, payload = {}, queue, key }: JobSpec, path: string, limits: Limits): JobDefinition {
  try {
    // Written once to see that it can be: whoever makes the batch hears of it, and not the relay.
    encode({ event, payload, meta: { key } }, limits);
  } catch (error) {
    throw wrong(path, error instanceof Error ? error.message : String(error), error);
  }
  const text = payload instanceof RawJson ? payload.text : JSON.stringify(payload);
  return { kind: 'job', event, payload: text, queue, key };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function wrong(path: string, problem: string, cause?: unknown): ThrunError {
  return new ThrunError('THRUN_BATCH_DEFINITION', [`${path}: ${problem}`], { cause });
}
