import * as v from 'valibot';
import { formatDuration, parseDuration } from '../contracts/units.js';
import { resolveRetry, type RetryPolicy } from '../registry/listener.js';
import type { RetryOptions } from '../contracts/listener.js';
import { transportName } from '../contracts/route.js';
import type { Transport } from '../contracts/transport.js';
import type { RedisConfig, ThrunConfig } from './options.js';
import { configSchema } from './schema.js';

/** One thing that is wrong, by the path people would look for it at. */
export interface Problem {
  readonly path: string;
  readonly message: string;
  /** Another path that the message speaks of. */
  readonly other?: string;
}

/** Everything that is wrong with a value, each place once; none: it fits. */
export function problemsOf(schema: v.GenericSchema, value: unknown): readonly Problem[] {
  const { issues } = v.safeParse(schema, value);
  const problems = new Map<string, Problem>();
  for (const issue of issues ?? []) {
    const path = pathOf(issue.path ?? []);
    const isMissing = issue.type === 'loose_object' && issue.received === 'undefined';
    if (!problems.has(path)) problems.set(path, { path, message: isMissing ? 'is missing' : issue.message });
  }
  return [...problems.values()];
}

/** Everything that is wrong with a config: its fields first, then what does not go together. */
export function configProblems(value: unknown): readonly Problem[] {
  const problems = problemsOf(configSchema, value);
  // Rules over several fields are only worth checking among fields that are right by themselves.
  const wrong = new Set(problems.map((problem) => problem.path));
  return [...problems, ...contradictions(value as ThrunConfig, wrong)];
}

/** `retry.delay` over the longest pause would silently become that pause. */
export function retryContradiction(retry: RetryOptions, defaults?: RetryPolicy): string | undefined {
  const { delayMs, maxDelayMs } = resolveRetry(retry, defaults);
  if (delayMs <= maxDelayMs) return undefined;
  return `${formatDuration(delayMs)} is longer than the longest pause, ${formatDuration(maxDelayMs)}; raise maxDelay too`;
}

function* contradictions(config: ThrunConfig, wrong: ReadonlySet<string>): Generator<Problem> {
  const right = (...paths: string[]) => !wrong.has('') && paths.every((path) => !wrong.has(path));
  const {
    processes = 1,
    concurrency = 10,
    prefetch,
    blockedAfter = '10s',
    killBlockedAfter = '60s',
  } = right('worker') ? (config.worker ?? {}) : {};
  if (prefetch !== undefined && right('worker.prefetch', 'worker.concurrency') && prefetch < concurrency) {
    const message = `${prefetch} is less than worker.concurrency, ${concurrency}; raise it or leave it out`;
    yield { path: 'worker.prefetch', message, other: 'worker.concurrency' };
  }
  if (
    right('worker.blockedAfter', 'worker.killBlockedAfter') &&
    parseDuration(killBlockedAfter) <= parseDuration(blockedAfter)
  ) {
    yield {
      path: 'worker.killBlockedAfter',
      message: `has to be longer than worker.blockedAfter, ${show(blockedAfter)}`,
    };
  }
  const used = right('transport') ? [config.transport ?? 'sqlite', ...routed(config, wrong)] : [];
  const single = used.find(livesInOneProcess);
  if (right('worker.processes') && processes > 1 && single !== undefined) {
    const which = single === config.transport ? 'this transport' : `the transport ${transportName(single)} of a route`;
    yield { path: 'worker.processes', message: `${processes} processes cannot share ${which}; set it to 1` };
  }
  const double = used.find((one) => used.some((other) => other !== one && transportName(other) === transportName(one)));
  if (double !== undefined) {
    yield {
      path: 'routes',
      message: `two transports are called ${transportName(double)}; give one of them another name`,
    };
  }
  for (const section of ['transports', 'batches'] as const) {
    const path = `${section}.redis`;
    const places = right(section, path) ? placesOf(config[section]?.redis) : [];
    if (places.length > 1) yield { path, message: `${places.join(' and ')} name a Redis each; keep one of them` };
  }
  if (config?.retry !== undefined && right('retry', 'retry.delay', 'retry.maxDelay')) {
    const message = retryContradiction(config.retry);
    if (message !== undefined) yield { path: 'retry.delay', message };
  }
}

/** In what ways it says where Redis is. */
export function placesOf(redis: RedisConfig = {}): readonly string[] {
  return (['url', 'sentinel', 'cluster'] as const).filter((key) => redis[key] !== undefined);
}

/** The transports that routes name. */
function routed({ routes = [] }: ThrunConfig, wrong: ReadonlySet<string>): readonly (string | Transport)[] {
  if ([...wrong].some((path) => path.startsWith('routes'))) return [];
  return routes.flatMap(({ transport }) => transport ?? []);
}

function livesInOneProcess(transport: string | Transport): boolean {
  return typeof transport === 'object' ? !transport.traits.multiProcess : transport === 'memory';
}

function show(value: number | string): string {
  return formatDuration(parseDuration(value));
}

function pathOf(items: readonly v.IssuePathItem[]): string {
  let path = '';
  for (const { key } of items)
    path += typeof key === 'number' ? `[${key}]` : path === '' ? String(key) : `.${String(key)}`;
  return path;
}
