import type { BatchBuilder, BatchMember, Thrun } from '../../../src/index.js';
import { ALWAYS, type StepPayload } from './workload.js';

/** Random batches of every shape. */
export class Plans {
  #n = 0;

  constructor(
    private readonly thrun: Thrun,
    private readonly random: () => number,
    private readonly healedBy: string,
  ) {}

  /** Sequential, parallel, staged, nested; failing, flaky, adding. Some can be healed: their failures end once a file is there. */
  any(): BatchBuilder {
    const heals = this.#chance(0.15);
    return this.#batch(0, heals).name(heals ? `heals ${this.#n}` : `any ${this.#n}`);
  }

  small(): BatchBuilder {
    return announced(this.thrun.batch([step({ n: ++this.#n }), step({ n: ++this.#n })]), this.random).name('small');
  }

  large(jobs: number): BatchBuilder {
    const fails = this.#below(jobs);
    const members = Array.from({ length: jobs }, (_, i) => step({ n: ++this.#n, ...(i === fails && { fails: true }) }));
    return announced(this.thrun.batch(members), this.random).parallel().allowFailures().name('large');
  }

  #batch(depth: number, heals: boolean): BatchBuilder {
    const members = Array.from({ length: this.#below(8) }, () =>
      this.#chance(0.25)
        ? Array.from({ length: this.#below(5) }, () => this.#member(depth, heals))
        : this.#member(depth, heals),
    );
    const batch = this.thrun.batch(members).parallel(this.#chance(0.3)).allowFailures(this.#chance(0.3));
    return announced(batch, this.random);
  }

  #member(depth: number, heals: boolean): BatchMember {
    if (depth < 2 && this.#chance(0.08)) return this.#batch(depth + 1, heals).name(`nested ${this.#n}`);
    const n = ++this.#n;
    const ms = this.#chance(0.2) ? this.#below(60) : undefined;
    const kind = this.random();
    if (kind < (heals ? 0.2 : 0.05)) return step({ n, ms, fails: true, ...(heals && { healedBy: this.healedBy }) });
    if (kind < 0.3) return step({ n, ms, flaky: 1 + this.#below(2) });
    if (kind < 0.32 && !heals) return step({ n, ms, flaky: ALWAYS });
    if (kind < 0.38) return step({ n, ms, adds: 1 + this.#below(3) });
    return step({ n, ms });
  }

  #below(end: number): number {
    return Math.floor(this.random() * end);
  }

  #chance(share: number): boolean {
    return this.random() < share;
  }
}

/** `finally` always, so that every run tells how it ended; the others mostly. */
function announced(batch: BatchBuilder, random: () => number): BatchBuilder {
  batch.finally('b.finally');
  if (random() < 0.85) batch.progress('b.progress');
  if (random() < 0.85) batch.catch('b.catch');
  // oxlint-disable-next-line promise/valid-params, typescript/no-floating-promises -- with a name it is no promise
  if (random() < 0.85) batch.then('b.then');
  return batch;
}

function step(payload: { readonly [Key in keyof StepPayload]: StepPayload[Key] | undefined }): BatchMember {
  return {
    event: 'step',
    payload: Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined)),
  };
}
