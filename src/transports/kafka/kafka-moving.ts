import type { Clock } from '../../contracts/clock.js';
import { byTopic, type MemberFacts } from './kafka-assigner.js';
import type { Place } from './kafka-client.js';
import type { Commits } from './kafka-commits.js';
import type { Fetcher } from './kafka-fetcher.js';
import type { Holdings } from './kafka-holdings.js';
import type { Passing } from './kafka-passing.js';
import type { Pool } from './kafka-pool.js';
import type { Settlements } from './kafka-settlements.js';

export interface MovingParts {
  readonly clock: Clock;
  readonly holdings: Holdings;
  readonly pool: Pool;
  readonly settlements: Settlements;
  readonly commits: Commits;
  readonly fetcher: Fetcher;
  readonly passing: Passing;
}

/** Before a rebalance what runs may take so long to end; what runs longer keeps its partition where it is. */
const DRAIN_MS = 500;
const COMMIT_MS = 2000;

/** What becomes of a member's work while its group is shared anew. */
export class Moving {
  readonly #parts: MovingParts;

  constructor(parts: MovingParts) {
    this.#parts = parts;
  }

  /** What the others are told: what it has, and what of that it cannot let go. */
  facts(isAsking: boolean): MemberFacts {
    const { all, ledgers } = this.#parts.holdings;
    return {
      isAsking,
      owned: byTopic(all.map(({ place }) => place)),
      pinned: byTopic(ledgers.filter(({ given }) => given > 0).map(({ place }) => place)),
    };
  }

  /** Nothing more is given out; what runs may end; all of it is written. */
  async finish(): Promise<void> {
    const { pool, settlements, commits } = this.#parts;
    pool.rest();
    await Promise.race([settlements.idle(), this.#passed(DRAIN_MS)]);
    await Promise.race([commits.now(), this.#passed(COMMIT_MS)]);
  }

  /** @param isNew nothing of what it had before is its own any more */
  async share(places: readonly Place[], isNew: boolean): Promise<void> {
    const { holdings, commits } = this.#parts;
    if (isNew) this.dropAll();
    await holdings.share(places);
    void commits.soon();
  }

  /** The new share is there. */
  goOn(): void {
    const { fetcher, passing, pool } = this.#parts;
    fetcher.wake();
    passing.look();
    pool.wake();
  }

  dropAll(): void {
    const { holdings, commits } = this.#parts;
    holdings.clear();
    commits.lost();
  }

  #passed(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}
