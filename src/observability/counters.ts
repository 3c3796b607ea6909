import type { Observation } from './observation.js';

/** How often each outcome came, since the start. */
export interface Counts {
  received: number;
  succeeded: number;
  retried: number;
  postponed: number;
  dead: number;
  unhandled: number;
  handedBack: number;
}

export function noCounts(): Counts {
  return { received: 0, succeeded: 0, retried: 0, postponed: 0, dead: 0, unhandled: 0, handedBack: 0 };
}

export function addCounts(sum: Counts, more: Counts): void {
  for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += more[key];
}

/** An observer that counts into `counts`. */
export function countInto(counts: Counts): (observation: Observation) => void {
  return (observation) => {
    switch (observation.kind) {
      case 'received':
        counts.received += observation.count;
        break;
      case 'handed_back':
        counts.handedBack++;
        break;
      case 'succeeded':
      case 'retried':
      case 'postponed':
      case 'dead':
      case 'unhandled':
        counts[observation.kind]++;
        break;
      case 'blocked':
      case 'transport':
        break;
    }
  };
}
