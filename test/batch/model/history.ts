import * as fc from 'fast-check';

/** What a random history is made of. Jobs are picked by number, so that a shrunk history still means something. */
export type Action =
  | { readonly kind: 'begin' | 'succeed' | 'fail' | 'pause' | 'release'; readonly job: number }
  | { readonly kind: 'add'; readonly job: number; readonly call: number; readonly stages: readonly number[] }
  | { readonly kind: 'cancel' | 'retry' | 'stall' | 'seal' | 'abandon' };

export interface History {
  /** Jobs of each stage. */
  readonly stages: readonly number[];
  readonly parallel: boolean;
  readonly allowFailures: boolean;
  /** It is sealed before anything else happens. */
  readonly sealed: boolean;
  readonly actions: readonly Action[];
  /** How each job ends that the actions leave open, in turn. */
  readonly endings: readonly boolean[];
}

const job = fc.nat({ max: 7 });
const stages = (max: number) => fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: max });

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('begin' as const), job }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('succeed' as const), job }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), job }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'release' as const), job }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      job,
      call: fc.nat({ max: 1 }),
      stages: stages(2),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom('cancel', 'stall', 'seal', 'abandon').map((kind) => ({ kind }) as Action) },
  { weight: 2, arbitrary: fc.constant<Action>({ kind: 'retry' }) },
);

export const history: fc.Arbitrary<History> = fc.record({
  stages: stages(4),
  parallel: fc.boolean(),
  allowFailures: fc.boolean(),
  sealed: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  actions: fc.array(action, { maxLength: 30 }),
  endings: fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
});

/** A failing run says how to play it again: `SEED=… FC_PATH=… npx vitest run test/batch/model`. */
export function replay(): { seed: number; path?: string } {
  const { SEED, FC_PATH } = process.env;
  const seed = SEED === undefined ? (Date.now() ^ (Math.random() * 2 ** 31)) | 0 : Number(SEED);
  return { seed, ...(FC_PATH !== undefined && { path: FC_PATH }) };
}

/** How many random histories; fewer where somebody waits. */
export const RUNS = Number(process.env.MODEL_RUNS ?? (process.env.THRUN_QUICK ? 500 : 10_000));
