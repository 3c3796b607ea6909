import fc from 'fast-check';

/** What may happen to a transport, in any order. Whoever and whatever is named by a number that is taken modulo what there is. */
export type Operation =
  | { readonly kind: 'publish'; readonly count: number; readonly delayMs: number }
  | { readonly kind: 'next'; readonly process: number; readonly max: number }
  /** Several at once, as they come out of a batch that ran side by side. */
  | { readonly kind: 'settle'; readonly process: number; readonly delivery: number; readonly hows: readonly How[] }
  /** A suspect is about to run. */
  | { readonly kind: 'begin'; readonly process: number; readonly delivery: number }
  /** A process that died, or hung, says something about what it held after all. */
  | { readonly kind: 'settleLate'; readonly delivery: number; readonly how: How }
  /** Dies without a word; another one takes its place. */
  | { readonly kind: 'crash'; readonly process: number }
  /** Closes in good order; another one takes its place. */
  | { readonly kind: 'restart'; readonly process: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'retryDead' };

export type How =
  | { readonly kind: 'ack' | 'release' | 'split' | 'dead' }
  | { readonly kind: 'retry'; readonly delayMs: number };

const index = fc.nat(20);
const delayMs = fc.constantFrom(0, 0, 0, 700, 4000);

const how: fc.Arbitrary<How> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'ack' } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'release' } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('retry' as const), delayMs }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'split' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'dead' } as const) },
);

const hows = fc.array(how, { minLength: 1, maxLength: 8 });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 12 }), delayMs }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('next' as const), process: index, max: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle' as const), process: index, delivery: index, hows }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('begin' as const), process: index, delivery: index }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settleLate' as const), delivery: index, how }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), process: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), process: index }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.constantFrom(10, 500, 1100, 2500, 3100, 9000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'retryDead' } as const) },
);

export const operations: fc.Arbitrary<Operation[]> = fc.array(operation, { minLength: 5, maxLength: 40, size: 'max' });
