import { existsSync } from 'node:fs';
import type { Thrun } from '../../app.js';
import type { BatchBuilder } from '../../batch/builder.js';
import { LIFECYCLE_KINDS } from '../../contracts/batch.js';
import { nearestName } from '../../config/nearest-name.js';
import { ThrunError } from '../../contracts/errors.js';
import { RawJson } from '../../envelope/index.js';
import { checkedText } from '../../envelope/raw-json.js';
import type { Cli } from '../cli.js';
import { limitsOf } from '../project.js';
import { payloadText } from '../publish/payload-text.js';
import { readBatchFile } from './batch-file.js';
import { type BatchEntry, isBatch, type MemberEntry } from './batch-rules.js';
import type { Batching } from './with-batches.js';

/** A job as `--job` names it. */
export interface GivenJob {
  readonly event: string;
  readonly json: string;
}

/** Boxed: a builder that comes out of a promise would be awaited, and with that be sent. */
export interface Unsent {
  readonly builder: BatchBuilder;
}

/** From what the command line says to a batch that is ready to be sent. Nothing is made yet. */
export async function batchFromLine(
  cli: Cli,
  batching: Batching,
  target: string | undefined,
  payload: string | undefined,
  jobs: readonly GivenJob[],
): Promise<Unsent> {
  const { thrun, config, known } = batching;
  if (jobs.length > 0) {
    if (target !== undefined) throw wrong(`The jobs are given twice, by ${target} and by --job. Give them once.`);
    return { builder: thrun.batch(jobs.map(({ event, json }) => ({ event, payload: new RawJson(json) }))) };
  }
  if (target === undefined) {
    throw wrong(
      'Name a batch file, - for stdin, or a batch of this project; or give jobs: --job create_payment=\'{"id":1}\'',
    );
  }
  if (known?.isBatch(target) || !isFile(target)) return named(cli, batching, target, payload);
  if (payload !== undefined)
    throw wrong('A batch file has its payloads in it; only a batch of this project takes one.');
  if (target === '-' && process.stdin.isTTY) cli.output.note('Reading the batch from the terminal; Ctrl-D ends it.');
  return { builder: builderOf(thrun, await readBatchFile(target, limitsOf(config))) };
}

/** Also one that is not there: what looks like a file is not to be answered with names of batches. */
function isFile(target: string): boolean {
  return target === '-' || /[\\/]|\.json$/i.test(target) || existsSync(target);
}

function builderOf(thrun: Thrun, entry: BatchEntry): BatchBuilder {
  const member = (one: MemberEntry): object => (isBatch(one) ? builderOf(thrun, one) : one);
  const isStage = (one: BatchEntry['jobs'][number]): one is readonly MemberEntry[] => Array.isArray(one);
  const builder = thrun
    .batch(entry.jobs.map((one) => (isStage(one) ? one.map(member) : member(one))))
    .parallel(entry.mode === 'parallel')
    .allowFailures(entry.allow_failures === true);
  if (entry.name !== undefined) builder.name(entry.name);
  for (const kind of LIFECYCLE_KINDS) {
    const event = entry[kind];
    if (event !== undefined) builder[kind](event);
  }
  return builder;
}

/** By a class with `@ThrunBatch`: this loads the listener files. */
async function named(cli: Cli, { thrun, config }: Batching, name: string, given: string | undefined): Promise<Unsent> {
  const text = given === '-' ? await payloadText(cli, '-', limitsOf(config)) : given;
  const payload: unknown = text === undefined ? undefined : JSON.parse(checkedText(name, new RawJson(text)));
  const [{ buildListeners }, { loadListeners }] = await Promise.all([
    import('../../registry/build.js'),
    import('../../registry/load-listeners.js'),
  ]);
  const records = await loadListeners(await buildListeners(config), config.root);
  const names = records.flatMap((record) => (record.kind === 'batch' ? [record.name] : []));
  if (!names.includes(name)) throw unknown(name, names);
  thrun.register(records);
  try {
    return { builder: thrun.batch(name, payload) };
  } catch (cause) {
    if (cause instanceof ThrunError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = text === undefined ? 'it was given no payload' : 'look at the payload';
    throw new ThrunError('THRUN_BATCH_DEFINITION', [`the class of ${name} threw: ${why} (${hint})`], { cause });
  }
}

function unknown(name: string, names: readonly string[]): ThrunError {
  const nearest = nearestName(name, names);
  const known = names.length === 0 ? 'No class here carries @ThrunBatch.' : `There is ${[...names].sort().join(', ')}.`;
  return wrong(
    `There is no file and no batch called ${name}. ${nearest === undefined ? known : `Did you mean ${nearest}?`}`,
  );
}

function wrong(text: string): ThrunError {
  return new ThrunError('THRUN_INPUT', [text]);
}
