import type { Case } from './case.js';
import { type Ability, type ConformanceOptions, type Fault, type Need, type RareAbility, REASON } from './options.js';
import { attempts } from './promises/attempts.js';
import { broker } from './promises/broker.js';
import { burial } from './promises/burial.js';
import { closing } from './promises/closing.js';
import { concurrency } from './promises/concurrency.js';
import { deadLetters } from './promises/dead-letters.js';
import { delays } from './promises/delays.js';
import { fanOut } from './promises/fan-out.js';
import { handingOver } from './promises/handing-over.js';
import { history } from './promises/history.js';
import { leases } from './promises/leases.js';
import { next } from './promises/next.js';
import { order } from './promises/order.js';
import { publishing } from './promises/publishing.js';
import { queues } from './promises/queues.js';
import { settlement } from './promises/settlement.js';
import { wholeBytes } from './promises/whole-bytes.js';
import { Stand } from './stand.js';

export type { Ability, ConformanceOptions, Fault, RareAbility, Subject, TestApi } from './options.js';
export { StallableClock } from './stallable-clock.js';

const PROMISES = [
  publishing,
  wholeBytes,
  fanOut,
  settlement,
  handingOver,
  leases,
  burial,
  attempts,
  delays,
  order,
  deadLetters,
  queues,
  history,
  next,
  closing,
  concurrency,
  broker,
];

/**
 * Every promise of the transport port as tests. A transport's own test is this call:
 * its name, the test runner's `describe` and `test`, its traits, and a function that makes a broker of its own.
 * Give the runner 60 seconds a test; each case gives up by itself long before.
 */
export function transportConformance(name: string, options: ConformanceOptions): void {
  const { describe, test, skip = {} } = options;
  refuseUnknown(skip);
  describe(`${name} keeps the promises of a transport`, () => {
    for (const { promise, cases } of PROMISES) {
      describe(promise, () => {
        for (const one of cases) {
          const reason = skip[one.title] ?? unmet(one, options);
          if (reason === undefined) test(one.title, () => runCase(one, options));
          else test.skip(`${one.title} (skipped: ${reason})`, () => runCase(one, options));
        }
      });
    }
  });
}

async function runCase(one: Case, { create }: ConformanceOptions): Promise<void> {
  // A transport's timers need not keep a process alive, but a case that waits for one has to.
  const alive = setInterval(() => undefined, 1000);
  try {
    const stand = await Stand.open(await create());
    try {
      await one.run(stand);
    } finally {
      await stand.close();
    }
  } finally {
    clearInterval(alive);
  }
}

function unmet({ needs = [] }: Case, options: ConformanceOptions): string | undefined {
  const { traits, without = [], with: rare = [], faults = [] } = options;
  const has = (need: Need) => {
    if (isAbility(need)) return !without.includes(need);
    if (isRareAbility(need)) return rare.includes(need);
    return isFault(need) ? faults.includes(need) : traits[need];
  };
  const missing = needs.find((need) => !has(need));
  return missing && REASON[missing];
}

function isAbility(need: Need): need is Ability {
  return need === 'deadLetters' || need === 'queues';
}

function isRareAbility(need: Need): need is RareAbility {
  return need === 'history' || need === 'burial';
}

function isFault(need: Need): need is Fault {
  return need === 'restart' || need === 'lostAnswer';
}

/** A reason that no longer belongs to a case would hide that the case was renamed or mended. */
function refuseUnknown(skip: Readonly<Record<string, string>>): void {
  const titles = new Set(PROMISES.flatMap(({ cases }) => cases.map(({ title }) => title)));
  for (const title of Object.keys(skip)) {
    if (!titles.has(title)) throw new Error(`There is no conformance case called ${JSON.stringify(title)} to skip.`);
  }
}
