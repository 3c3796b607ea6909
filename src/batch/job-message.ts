import { MAX_RESULT_BYTES } from '../contracts/batch.js';
import type { JobRecord } from '../contracts/batch-store.js';
import type { JsonValue } from '../contracts/envelope.js';
import type { EventInput } from '../dispatch/dispatcher.js';
import { RawJson } from '../envelope/index.js';
import { jobMessageId } from './ids.js';

/** The message that carries a job to whoever runs it, in any language. */
export function jobInput(
  batchId: string,
  run: number,
  { id, event, payload, queue, key }: JobRecord,
  previous: JsonValue | undefined,
): EventInput {
  return {
    event,
    payload: new RawJson(payload),
    id: jobMessageId(batchId, run, id),
    ...(queue !== undefined && { queue }),
    ...(key !== undefined && { key }),
    meta: {
      correlation_id: batchId,
      batch_id: batchId,
      job_id: id,
      ...(previous !== undefined && { previous_result: previous }),
    },
  };
}

/** What the stage before handed on: a single job's result, or the list of a parallel stage's. */
export function previousResult(results: readonly (string | undefined)[]): JsonValue | undefined {
  const [only] = results;
  if (results.length === 1) return only === undefined ? undefined : (JSON.parse(only) as JsonValue);
  if (results.every((result) => result === undefined)) return undefined;
  const list = `[${results.map((result) => result ?? 'null').join(',')}]`;
  return Buffer.byteLength(list) > MAX_RESULT_BYTES ? undefined : (JSON.parse(list) as JsonValue);
}

/** A returned value as it is handed on; undefined for what JSON cannot hold, or what is too large. */
export function resultText(value: unknown): { readonly text: string | undefined; readonly problem?: string } {
  if (value === undefined) return { text: undefined };
  try {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) return { text, problem: 'JSON cannot hold it' };
    const bytes = Buffer.byteLength(text);
    if (bytes <= MAX_RESULT_BYTES) return { text };
    return { text: undefined, problem: `it is ${bytes} bytes, the limit is ${MAX_RESULT_BYTES}; hand on a reference` };
  } catch (error) {
    return { text: undefined, problem: error instanceof Error ? error.message : 'it cannot be written as JSON' };
  }
}
