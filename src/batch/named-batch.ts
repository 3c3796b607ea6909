import type { NamedBatch, NamedBatchOptions } from '../contracts/batch.js';
import { ThrunError } from '../contracts/errors.js';
import type { Class, Container } from '../contracts/listener.js';
import { recorded, recordOf } from '../registry/records.js';

/** What `@ThrunBatch` says of an instance's class. */
export interface BatchNaming {
  readonly name: string;
  readonly options: NamedBatchOptions;
}

/** Undefined where its class is not decorated. */
export function namingOf(batch: object): BatchNaming | undefined {
  const type = batch.constructor as Class | undefined;
  const record = typeof type === 'function' ? recordOf(type) : undefined;
  return record?.kind === 'batch' ? record : undefined;
}

/** @throws {ThrunError} THRUN_BATCH_DEFINITION when no class of this process has the name */
export function batchNamed(name: string, payload: unknown, container: Container): NamedBatch {
  const record = recorded().findLast((entry) => entry.kind === 'batch' && entry.name === name);
  if (record) return container(record.type, payload) as NamedBatch;
  const problem = `no class carries @ThrunBatch(${JSON.stringify(name)}) here; import the file it is in`;
  throw new ThrunError('THRUN_BATCH_DEFINITION', [problem]);
}
