import { problemsOf } from '../../config/validate.js';
import { ThrunError } from '../../contracts/errors.js';
import { isDeeperThan } from '../../envelope/depth.js';
import type { Limits } from '../../envelope/index.js';
import { jsonProblem } from '../../envelope/json-problem.js';
import { placeIn } from '../../envelope/parse.js';
import { utf8Text } from '../../envelope/utf8.js';
import { openInput, readAll } from '../publish/read-input.js';
import { type BatchEntry, batchRules } from './batch-rules.js';
import { withRawPayloads } from './raw-payloads.js';

/** Room for tens of thousands of jobs; what is larger hardly fits one string. */
const LARGEST = 256 * 1024 ** 2;
/** Levels that batches in batches may take, on top of what a payload may. */
const OWN_LEVELS = 64;
const MOST_PROBLEMS = 20;

/** Reads a batch file (`-`: stdin). @throws {ThrunError} THRUN_INPUT, THRUN_BATCH_DEFINITION with the path of all that is wrong */
export async function readBatchFile(file: string, limits: Limits): Promise<BatchEntry> {
  const input = await openInput(file, file);
  const bytes = await readAll(input, LARGEST, 'Make several batches of it, or give the jobs references to their data.');
  const text = utf8Text(bytes);
  if (text === undefined) throw new ThrunError('THRUN_INPUT', [`What comes from ${input.name} is not UTF-8.`]);
  return batchFrom(text, input.name, limits);
}

export function batchFrom(text: string, name: string, { maxDepth }: Pick<Limits, 'maxDepth'>): BatchEntry {
  if (isDeeperThan(text, maxDepth + OWN_LEVELS)) {
    throw new ThrunError('THRUN_INPUT', [`${name} is nested deeper than ${maxDepth + OWN_LEVELS} levels.`]);
  }
  try {
    JSON.parse(text);
  } catch (cause) {
    const { at, what } = jsonProblem(text) ?? { at: 0, what: String(cause) };
    throw new ThrunError('THRUN_INPUT', [`${name} is not JSON at ${placeIn(text, at)}: ${what}.`], { cause });
  }
  const value = withRawPayloads(text);
  const problems = problemsOf(batchRules, value);
  if (problems.length === 0) return value as BatchEntry;
  const lines = problems
    .slice(0, MOST_PROBLEMS)
    .map(({ path, message }) => `  ${path === '' ? 'it' : path}: ${message}`);
  if (problems.length > lines.length) lines.push(`  and ${problems.length - lines.length} more`);
  throw new ThrunError('THRUN_BATCH_DEFINITION', [`${name}\n${lines.join('\n')}`]);
}
