import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_LIMITS,
  decode,
  eventNameProblem,
  type Limits,
  type Origin,
  Undecodable,
} from '../../src/envelope/index.js';

/** The same files that programs in other languages test with, read by the codec and held against the schema. */

interface GoldenCase {
  readonly file: string;
  readonly says: string;
  readonly reason?: string;
  readonly found_event?: string;
  readonly found_event_id?: string;
  readonly event?: string;
  readonly payload?: unknown;
  readonly event_id?: 'given' | 'filled';
  readonly timestamp?: 'given' | 'filled' | 'converted';
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly schema?: 'accepts' | 'rejects';
  readonly carried?: readonly string[];
}

interface Golden {
  readonly origin: {
    readonly transport: string;
    readonly id: string;
    readonly published_at: number;
    readonly received_at: number;
  };
  readonly limits: { readonly max_bytes: number; readonly max_depth: number; readonly max_meta_bytes: number };
  readonly cases: readonly GoldenCase[];
}

const directory = new URL('../golden/', import.meta.url);
const read = (path: string): Buffer => readFileSync(new URL(path, directory));
const golden = JSON.parse(read('cases.json').toString()) as Golden;
const origin: Origin = {
  transport: golden.origin.transport,
  id: golden.origin.id,
  publishedAt: golden.origin.published_at,
  receivedAt: golden.origin.received_at,
};
const limits: Limits = {
  maxBytes: golden.limits.max_bytes,
  maxDepth: golden.limits.max_depth,
  maxMetaBytes: golden.limits.max_meta_bytes,
};

const schema = JSON.parse(readFileSync(new URL('../../schemas/envelope.schema.json', import.meta.url), 'utf8')) as {
  readonly $defs: { readonly name: { readonly not: { readonly pattern: string } } };
  readonly examples: readonly unknown[];
};
const conforms = new Ajv2020({ strict: true }).compile(schema);

describe('golden examples', () => {
  it('are limited as workers are by default', () => {
    expect(limits).toEqual(DEFAULT_LIMITS);
  });

  it('are all listed, and only those that exist', () => {
    const files = ['valid', 'invalid'].flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, directory)).map((name) => `${folder}/${name}`),
    );
    expect(golden.cases.map((one) => one.file).sort()).toEqual(files.sort());
  });

  for (const one of golden.cases) {
    it(`${one.file}: ${one.says}`, () => {
      const body = read(one.file);
      const before = Buffer.from(body);
      const answer = decode(body, origin, limits);
      expect(body.equals(before), 'the bytes are left alone').toBe(true);

      if (one.reason !== undefined) {
        expect(answer).toBeInstanceOf(Undecodable);
        const { reason, error, event, eventId } = answer as Undecodable;
        expect({ reason, event, eventId }).toEqual({
          reason: one.reason,
          event: one.found_event,
          eventId: one.found_event_id,
        });
        expect(error).toMatch(/^[\P{C}]{10,400}$/u);
      } else {
        if (answer instanceof Undecodable) throw new Error(`${answer.reason}: ${answer.error}`);
        expect(answer.event).toBe(one.event);
        if (Object.hasOwn(one, 'payload')) expect(answer.payload).toEqual(one.payload);
        if (one.meta !== undefined) {
          expect(answer.meta).toEqual(one.meta);
          // The comparison of objects looks past these.
          expect(Object.keys(answer.meta).sort()).toEqual(Object.keys(one.meta).sort());
        }
        for (const text of one.carried ?? []) expect(body.toString()).toContain(text);
      }
    });

    if (one.schema !== undefined) {
      it(`${one.file}: the schema ${one.schema} it`, () => {
        const valid = conforms(JSON.parse(read(one.file).toString()));
        expect(valid, JSON.stringify(conforms.errors)).toBe(one.schema === 'accepts');
      });
    }
  }
});

describe('the schema', () => {
  it('accepts its own examples', () => {
    for (const example of schema.examples) expect(conforms(example), JSON.stringify(conforms.errors)).toBe(true);
  });

  it('forbids the same characters in a name as the codec', () => {
    const forbidden = new RegExp(schema.$defs.name.not.pattern, 'u');
    const differing: string[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      // Halves of surrogate pairs cannot be written in a schema.
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const char = String.fromCodePoint(code);
      if (forbidden.test(char) !== (eventNameProblem(char) !== undefined)) differing.push(code.toString(16));
    }
    expect(differing).toEqual([]);
  });
});
