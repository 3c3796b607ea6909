import * as v from 'valibot';
import { duration, isName, isPatternOrName, name, rule, section, show, whole } from '../config/rules.js';
import { retrySchema } from '../config/schema.js';
import { problemsOf, retryContradiction } from '../config/validate.js';
import { LIFECYCLE_KINDS } from '../contracts/batch.js';
import type { Class, ListenerOptions } from '../contracts/listener.js';
import { contractNameOf } from './contract-name.js';
import { contractEntries, eventEntries, type LocatedRecord, listenerName } from './entries.js';
import type { RetryPolicy } from './listener.js';
import type { DecoratorRecord } from './records.js';
import { isClass, isNamed } from './source-location.js';

const payloadSchema = rule(
  (value) => typeof (value as { '~standard'?: { validate?: unknown } } | null)?.['~standard']?.validate === 'function',
  'a Standard Schema (zod, valibot, arktype, …)',
);

const listenerOptions = section({
  name: v.optional(name()),
  retry: v.optional(retrySchema),
  timeout: v.optional(duration(1)),
  queue: v.optional(name()),
  concurrency: v.optional(whole(1, 10_000)),
  schema: v.optional(payloadSchema),
});

const eventOptions = section({ schema: v.optional(payloadSchema) });

const batchOptions = section({
  ...Object.fromEntries(LIFECYCLE_KINDS.map((kind) => [kind, v.optional(name())])),
  parallel: v.optional(v.boolean()),
  allowFailures: v.optional(v.boolean()),
});

const DECORATORS = {
  event: '@ThrunEvent',
  listener: '@ThrunEventListener',
  job: '@ThrunJob',
  batch: '@ThrunBatch',
};

/** What is wrong with one decorated class by itself. */
export function recordProblems(record: DecoratorRecord, retry: RetryPolicy): readonly string[] {
  if (!isClass(record.type)) return [`${DECORATORS[record.kind]} belongs on a class`];
  return [...nameProblems(record), ...optionProblems(record, retry), ...classProblems(record)];
}

/** What is wrong with a listener that is a function, and no class. */
export function functionProblems(
  run: unknown,
  events: readonly (string | Class)[],
  options: ListenerOptions,
  retry: RetryPolicy,
): readonly string[] {
  if (typeof run !== 'function') return [`${show(run)} is neither a function nor a class with a method handle()`];
  const record = { kind: 'listener', type: run as unknown as Class, events, options, stack: '' } as const;
  return [...nameProblems(record), ...optionProblems(record, retry)];
}

/** What is wrong among several, each of them right by itself; named by place. */
export function clashes(located: readonly LocatedRecord[]): readonly string[] {
  const problems: string[] = [];
  const listeners = new Map<string, LocatedRecord>();
  const jobs = new Map<string, LocatedRecord>();
  const batches = new Map<string, LocatedRecord>();
  for (const one of located) {
    const { record } = one;
    if (record.kind === 'event') continue;
    if (record.kind === 'batch') {
      const other = seenBefore(batches, record.name, one);
      if (other) problems.push(`${place(one)}: two batches are called ${record.name} (the other: ${place(other)})`);
      continue;
    }
    const twin = record.kind === 'job' ? seenBefore(jobs, record.name, one) : undefined;
    const namesake = seenBefore(listeners, listenerName(record), one);
    if (record.kind === 'job' && twin) problems.push(`${place(one)}: ${twoHandlers(record.name, twin)}`);
    else if (namesake) problems.push(`${place(one)}: ${twoListeners(listenerName(record), namesake)}`);
  }
  for (const one of located) {
    const contracts = [...contractEntries(one).filter(({ kind }) => kind === 'event'), ...eventEntries(one)];
    for (const { contract } of contracts) {
      const job = jobs.get(contract);
      if (job)
        problems.push(
          `${place(one)}: ${contract} is a job (${place(job)}), so it cannot be an event too; rename one of them`,
        );
    }
  }
  return problems;
}

/** The first of that key, unless it is this one. */
function seenBefore(first: Map<string, LocatedRecord>, key: string, one: LocatedRecord): LocatedRecord | undefined {
  const before = first.get(key);
  if (before === undefined) first.set(key, one);
  return before;
}

function twoHandlers(job: string, other: LocatedRecord): string {
  return `the job ${job} has two handlers (the other: ${place(other)}); a job has exactly one, rename one of them`;
}

function twoListeners(listener: string, other: LocatedRecord): string {
  return `two listeners are called ${listener} (the other: ${place(other)}); give one of them { name: '…' }`;
}

/** Things that are allowed, and rarely meant. */
export function doubts(located: readonly LocatedRecord[]): readonly string[] {
  const warnings: string[] = [];
  const spellings = new Map<string, { readonly contract: string; readonly one: LocatedRecord }>();
  for (const one of located) {
    for (const { contract } of [...contractEntries(one), ...eventEntries(one)]) {
      const first = spellings.get(contract.toLowerCase());
      if (first === undefined) spellings.set(contract.toLowerCase(), { contract, one });
      else if (first.contract !== contract) {
        warnings.push(
          `${place(one)}: ${contract} and ${first.contract} (${place(first.one)}) differ in case only; they are two contracts`,
        );
      }
    }
  }
  return warnings;
}

function place({ file, line }: LocatedRecord): string {
  return `${file}:${line}`;
}

function nameProblems(record: DecoratorRecord): readonly string[] {
  if (record.kind !== 'listener')
    return isName(record.name) ? [] : [`${show(record.name)} is not a contract name: ${NAME}`];
  if (record.events.length === 0) return ['it listens to nothing; name an event'];
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [index, event] of record.events.entries()) {
    const contract =
      typeof event === 'string' ? event : typeof event === 'function' ? contractNameOf(event) : undefined;
    if (contract === undefined) {
      const circular = event === undefined ? ' (its file may import this one, so that it was not there yet)' : '';
      problems.push(`event ${index + 1} is ${show(event)}, neither a name nor a class${circular}`);
    } else if (!isPatternOrName(contract))
      problems.push(`${show(contract)} is not a contract name or pattern: ${NAME}`);
    else if (seen.has(contract)) problems.push(`it listens to ${contract} twice`);
    if (contract !== undefined) seen.add(contract);
  }
  return problems;
}

const NAME = '1 to 255 bytes without white space or control characters; "*" in patterns only';

const OPTIONS = { event: eventOptions, listener: listenerOptions, job: listenerOptions, batch: batchOptions };

function optionProblems(record: DecoratorRecord, retry: RetryPolicy): readonly string[] {
  const schema = OPTIONS[record.kind];
  const problems = problemsOf(schema, record.options).map(({ path, message }) =>
    path === '' ? `options: ${message}` : `${path}: ${message}`,
  );
  if (problems.length > 0 || record.kind === 'event' || record.kind === 'batch') return problems;
  const own: ListenerOptions['retry'] = record.options.retry;
  const contradiction = own && retryContradiction(own, retry);
  return contradiction === undefined ? [] : [`retry.delay: ${contradiction}`];
}

function classProblems(record: DecoratorRecord): readonly string[] {
  if (record.kind === 'event') return [];
  if (record.kind === 'batch') return hasMethod(record.type, 'jobs') ? [] : ['it has no method jobs()'];
  const problems = hasMethod(record.type, 'handle') ? [] : ['it has no method handle()'];
  // Options that are no object were complained about already.
  if (record.kind === 'listener' && record.options?.name === undefined && !isNamed(record.type.name)) {
    problems.push('the class has no name, and a listener needs a stable one; name the class, or give { name: "…" }');
  }
  return problems;
}

/** A method, or a field (`handle = async () => …`), which only the text of the class can tell of without making one. */
function hasMethod(type: Class, method: 'handle' | 'jobs'): boolean {
  if (typeof (type.prototype as Record<string, unknown>)[method] === 'function') return true;
  const named = new RegExp(`\\b${method}\\b`);
  for (let at: unknown = type; typeof at === 'function' && at !== Function.prototype; at = Object.getPrototypeOf(at)) {
    if (named.test(String(at))) return true;
  }
  return false;
}

/** How messages call what a record decorates. */
export function subject({ type, kind }: DecoratorRecord): string {
  if (isClass(type) && isNamed(type.name)) return type.name;
  return { event: 'the event class', job: 'the job', listener: 'the listener', batch: 'the batch' }[kind];
}
