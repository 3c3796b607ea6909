import * as v from 'valibot';
import { isObject, list, oneOf, rule, section } from '../../config/rules.js';
import { eventNameProblem, RawJson } from '../../envelope/index.js';

/** A job of a batch file: schemas/batch.schema.json says the same, and a test holds the two together. */
export interface JobEntry {
  readonly event: string;
  readonly payload?: RawJson;
  readonly queue?: string;
  readonly key?: string;
}

export type MemberEntry = JobEntry | BatchEntry;

/** A batch file, or a batch nested in one. */
export interface BatchEntry {
  readonly name?: string;
  readonly jobs: readonly (MemberEntry | readonly MemberEntry[])[];
  readonly mode?: 'sequential' | 'parallel';
  readonly allow_failures?: boolean;
  readonly progress?: string;
  readonly then?: string;
  readonly catch?: string;
  readonly finally?: string;
}

const A_CONTRACT = 'a contract name, such as "create_payment"';
const A_LIST_OF_JOBS = 'a list of jobs';

const announced = v.optional(contract('the name of an event, such as "order.success"'));

const job = lacking(
  'event',
  A_CONTRACT,
  section(
    {
      event: v.optional(contract(A_CONTRACT)),
      payload: v.optional(rule((value) => value instanceof RawJson, 'JSON')),
      queue: v.optional(contract('the name of a queue, such as "mail"')),
      key: v.optional(rule((value) => typeof value === 'string', 'text')),
    },
    { name: 'event', job: 'event', data: 'payload', batch: 'jobs' },
  ),
);

export const batchRules: v.GenericSchema = lacking(
  'jobs',
  A_LIST_OF_JOBS,
  section(
    {
      $schema: v.optional(rule((value) => typeof value === 'string', 'text')),
      name: v.optional(rule(isBatchName, 'a name of 1 to 255 bytes without control characters')),
      jobs: v.optional(list(v.lazy(memberOrStage), 'jobs')),
      mode: v.optional(oneOf(['sequential', 'parallel'])),
      allow_failures: v.optional(rule((value) => typeof value === 'boolean', 'true or false')),
      progress: announced,
      then: announced,
      catch: announced,
      finally: announced,
    },
    { parallel: 'mode": "parallel', allowFailures: 'allow_failures', event: 'jobs', success: 'then', failure: 'catch' },
  ),
);

const member = v.lazy(
  (input): v.GenericSchema =>
    isObject(input)
      ? isBatch(input)
        ? batchRules
        : job
      : rule(() => false, 'a job {"event": …} or a batch {"jobs": […]}'),
);

function memberOrStage(input: unknown): v.GenericSchema {
  return Array.isArray(input) ? list(member, 'jobs') : member;
}

/** What is nested and what is a job are told apart by what they hold. */
export function isBatch(entry: object): entry is BatchEntry {
  return Object.hasOwn(entry, 'jobs');
}

function contract(what: string) {
  return rule(
    (value) => eventNameProblem(value) === undefined,
    (value) => `${what}${typeof value === 'string' ? ` (${eventNameProblem(value)})` : ''}`,
  );
}

function isBatchName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 255 && !/\p{Cc}/u.test(value);
}

/** The schema, and a key that has to be there. */
function lacking(key: string, expected: string, schema: v.GenericSchema): v.GenericSchema {
  return v.pipe(
    schema,
    v.rawCheck(({ dataset, addIssue }) => {
      const input: unknown = dataset.value;
      if (!isObject(input) || Object.hasOwn(input, key)) return;
      addIssue({
        message: `expected ${expected}, got nothing`,
        path: [{ type: 'object', origin: 'key', input, key, value: undefined }],
      });
    }),
  );
}
