import type { Transport } from '../../contracts/transport.js';
import type { Cli } from '../cli.js';
import { plain } from '../plain-text.js';
import type { KnownContracts } from './known-contracts.js';

/** More names than this are a producer nobody here listens to, and not a slip of the keys. */
const MOST_NAMED = 5;

export function warnOfSilence(
  { output }: Cli,
  known: KnownContracts,
  events: readonly string[],
  what: 'listener' | 'handler' = 'listener',
): void {
  const batches = events.filter((event) => known.isBatch(event));
  for (const batch of batches) {
    output.warn(
      `${plain(batch)} is a batch, and nobody listens to an event of that name: thrun batch start ${plain(batch)}`,
    );
  }
  const others = events.filter((event) => !known.isBatch(event));
  if (others.length === 0) return;
  const names = others.slice(0, MOST_NAMED).map((event) => {
    const nearest = known.nearest(event);
    return nearest === undefined ? plain(event) : `${plain(event)} (did you mean ${plain(nearest)}?)`;
  });
  const more = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : '';
  output.warn(`The manifest knows no ${what} for ${names.join(', ')}${more}.`);
}

export function warnOfLoss({ output }: Cli, { name, traits }: Transport): void {
  if (!traits.multiProcess)
    output.warn(`The transport ${plain(name)} lives in this process alone: nobody will receive this.`);
}
