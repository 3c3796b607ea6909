import type { Case } from './case.js';
import type { StoreConformanceOptions } from './options.js';
import { adding } from './promises/adding.js';
import { applying } from './promises/applying.js';
import { creating } from './promises/creating.js';
import { filling } from './promises/filling.js';
import { lasting } from './promises/lasting.js';
import { listing } from './promises/listing.js';
import { movingJobs } from './promises/moving.js';
import { outbox } from './promises/outbox.js';
import { overdue } from './promises/overdue.js';
import { pruning } from './promises/pruning.js';
import { reading } from './promises/reading.js';
import { relaying } from './promises/relaying.js';
import { size } from './promises/size.js';
import { views } from './promises/views.js';
import { wholeText } from './promises/whole-text.js';
import { Stand } from './stand.js';

export type { StoreConformanceOptions, StoreSubject } from './options.js';

const PROMISES = [
  creating,
  filling,
  applying,
  views,
  movingJobs,
  adding,
  outbox,
  relaying,
  reading,
  listing,
  overdue,
  pruning,
  wholeText,
  size,
  lasting,
];

/**
 * Every promise of the batch store port as tests. A store's own test is this call: its name, the test runner's `describe` and
 * `test`, and a function that makes an empty store of its own. Give the runner 60 seconds a test.
 */
export function storeConformance(name: string, options: StoreConformanceOptions): void {
  const { describe, test, shared = true } = options;
  describe(`${name} keeps the promises of a batch store`, () => {
    for (const { promise, cases } of PROMISES) {
      describe(promise, () => {
        for (const one of cases) {
          if (shared || !one.shared) test(one.title, () => runCase(one, options));
          else test.skip(`${one.title} (skipped: no other process sees it)`, () => runCase(one, options));
        }
      });
    }
  });
}

async function runCase(one: Case, { create }: StoreConformanceOptions): Promise<void> {
  const stand = await Stand.open(await create());
  try {
    await one.run(stand);
  } finally {
    await stand.close();
  }
}
