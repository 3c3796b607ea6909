import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, test } from 'vitest';
import { batchFrom } from '../../src/cli/batch/batch-file.js';
import { DEFAULT_LIMITS, RawJson } from '../../src/envelope/index.js';
import { type TestThrun, testThrun } from '../../src/testing/test-thrun.js';
import type { ThrunError } from '../../src/contracts/errors.js';

/** The published schemas, held against what thrun reads and writes. Others may test theirs with the same files. */
const folder = new URL('../golden/batch/', import.meta.url);
const files = (kind: 'valid' | 'invalid') => readdirSync(new URL(kind, folder)).map((file) => `${kind}/${file}`);
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8');

interface Schema {
  readonly examples: readonly unknown[];
}
const schemaOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as Schema;
const compiled = (name: string) => new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schemaOf(name));

/** What thrun says of a batch file; undefined: it takes it. */
function refusal(text: string): string | undefined {
  try {
    batchFrom(text, 'file order.json', DEFAULT_LIMITS);
    return undefined;
  } catch (error) {
    return (error as ThrunError).message;
  }
}

describe('a batch file', () => {
  const conforms = compiled('batch');

  test.each(files('valid'))('%s: the schema and thrun take it', (file) => {
    const text = read(file);
    expect(refusal(text)).toBeUndefined();
    expect(conforms(JSON.parse(text)), JSON.stringify(conforms.errors)).toBe(true);
  });

  test.each(files('invalid'))('%s: the schema and thrun refuse it', (file) => {
    const text = read(file);
    expect(refusal(text)).toMatch(/^Not a batch: file order.json\n {2}/);
    expect(conforms(JSON.parse(text))).toBe(false);
  });

  test.each([
    ['event_number', 'jobs[1][0].event: expected a contract name, such as "create_payment", got 5'],
    ['job_without_event', 'jobs[0].event: expected a contract name, such as "create_payment", got nothing'],
    ['no_jobs', 'jobs: expected a list of jobs, got nothing'],
    ['jobs_object', 'jobs: expected a list of jobs, got an object'],
    ['array', 'it: expected an object, got a list'],
    ['list_in_list', 'jobs[0][0]: expected a job {"event": …} or a batch {"jobs": […]}, got a list'],
    ['unknown_key', 'finaly: unknown key; did you mean "finally"?'],
    ['unknown_job_key', 'jobs[0].payloads: unknown key; did you mean "payload"?'],
    ['nested_deep', 'jobs[1][0].jobs[1].jobs[0][0].qeue: unknown key; did you mean "queue"?'],
    ['mode', 'mode: expected "sequential" or "parallel", got "paralel"; did you mean "parallel"?'],
    ['event_space', 'it holds white space (U+0020) at position 7'],
    ['then_null', 'then: expected the name of an event, such as "order.success", got null'],
  ])('%s says where and what', (file, text) => {
    expect(refusal(read(`invalid/${file}.json`))).toContain(text);
  });

  test('everything that is wrong is said, up to twenty', () => {
    const jobs = Array.from({ length: 30 }, () => ({ event: 1 }));
    const lines = refusal(JSON.stringify({ jobs }))?.split('\n') ?? [];
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toBe('  and 10 more');
  });

  test('a payload stays as it is written', () => {
    const payloads = [
      '{ "big": 12345678901234567890, "price": 1.10 }',
      '"a \\" ] } , text"',
      '[[{"payload": 1.0}], "\\\\", {}]',
      '-0',
      '1e400',
      'null',
      '{\n  "a" : [ ]\r\n}',
    ];
    const text = `{"jobs":[${payloads.map((payload) => `{"payload" : ${payload} ,"event":"a"}`).join(' , ')}]}`;
    const { jobs } = batchFrom(text, 'it', DEFAULT_LIMITS);
    expect(jobs.map((job) => (job as { payload: RawJson }).payload.text)).toEqual(payloads);
  });

  test('no payload is made of what is no JSON, or too deep', () => {
    expect(refusal('{"jobs":[\n  {"event":"a",}]}')).toMatch(
      /^file order.json is not JSON at line 2, column 16 \(byte 25\)/,
    );
    expect(refusal('')).toContain('is not JSON');
    expect(refusal('{"jobs":['.repeat(100))).toContain('is not JSON');
    expect(refusal(`${'{"jobs":['.repeat(400)}${']}'.repeat(400)}`)).toContain('nested deeper than 264 levels');
  });

  test('__proto__ is a key like any other', () => {
    expect(refusal('{"jobs":[{"event":"a","payload":{"__proto__":1}}]}')).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

test.each(['batch', 'batch-lifecycle', 'job-succeeded', 'job-failed'])('the examples of %s conform', (name) => {
  const conforms = compiled(name);
  const { examples } = schemaOf(name);
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect(conforms(example), JSON.stringify(conforms.errors)).toBe(true);
});

test('the event of a job that has failed needs its ids and its error', () => {
  const conforms = compiled('job-failed');
  const ids = { batch_id: 'b', job_id: 'j' };
  expect(
    [ids, { ...ids, error: 'no' }, { ...ids, error: {} }, { error: { message: 'no' } }].map((one) => conforms(one)),
  ).toEqual([false, false, false, false]);
});

describe('lifecycle events', () => {
  let open: TestThrun | undefined;
  afterEach(() => open?.close());

  test('what is sent conforms, of every moment; and so do the results of other languages', async () => {
    open = await testThrun({ run: [] });
    const { thrun, settle } = open;
    const heard: { event: string; payload: unknown }[] = [];
    thrun.subscribe('b.*', (payload, { event }) => void heard.push({ event, payload }));
    const start = (name: string) =>
      thrun
        .batch([{ event: 'php', queue: 'php' }, thrun.batch([{ event: 'go', queue: 'php' }])])
        .name(name)
        .progress('b.progress')
        .then('b.then')
        .catch('b.catch')
        .finally('b.finally')
        .dispatch();
    const batches = await thrun.batches();
    const tell = async (outcome: 'succeeded' | 'failed', batchId: string, jobId: string, rest: object) => {
      const payload = { batch_id: batchId, job_id: jobId, ...rest };
      expect(compiled(`job-${outcome}`)(payload)).toBe(true);
      await thrun.event(`thrun.job.${outcome}`, payload);
      await settle();
    };
    for (const last of ['succeeded', 'failed'] as const) {
      const id = await start(last);
      const [first, nested] = await batches.jobs(id);
      await tell('succeeded', id, first?.id ?? '', { result: { paid: true } });
      const child = nested?.child ?? '';
      const [inner] = await batches.jobs(child);
      await tell(last, child, inner?.id ?? '', last === 'failed' ? { error: { message: 'no' } } : {});
    }
    await batches.cancel(await start('cancelled'));
    await settle();
    expect(heard.map(({ event }) => event.slice(2))).toEqual([
      ...['progress', 'progress', 'then', 'finally'],
      ...['progress', 'progress', 'catch', 'finally'],
      'finally',
    ]);
    const conforms = compiled('batch-lifecycle');
    for (const { payload } of heard) expect(conforms(payload), JSON.stringify(conforms.errors)).toBe(true);
  });
});
