import { nearestName } from '../../config/nearest-name.js';
import type { ResolvedConfig } from '../../config/resolved-config.js';
import { ThrunError } from '../../contracts/errors.js';
import { readManifest } from '../../registry/manifest.js';
import { patternMatcher } from '../../registry/pattern.js';
import { plain } from '../plain-text.js';

export interface Choice {
  readonly group: string;
  readonly listener?: string | undefined;
  readonly only?: string | undefined;
}

/**
 * Which events are wanted, by their names; undefined: all. One listener is given what it listens to and nothing else: what is
 * addressed to a listener it gets, whatever it is.
 * @throws {ThrunError} THRUN_INPUT for a listener that is not known here, or of which nobody here can tell what it listens to
 */
export async function chosen(
  config: ResolvedConfig,
  { group, listener, only }: Choice,
): Promise<((event: string) => boolean) | undefined> {
  const wanted = only === undefined ? undefined : patternMatcher(only);
  if (listener === undefined) return wanted;
  const heard = await heardBy(listener, group, config);
  if (heard === undefined) {
    if (wanted) return wanted;
    const why = group === config.group ? 'there is no manifest; run "thrun discover"' : 'it is of another group';
    throw new ThrunError('THRUN_INPUT', [
      `What ${plain(listener)} listens to is not known here (${why}). Say with --only which events it is to get.`,
    ]);
  }
  return (event) => heard.some((matches) => matches(event)) && (!wanted || wanted(event));
}

/** By the manifest; undefined: it does not tell of that group's listeners. */
async function heardBy(listener: string, group: string, config: ResolvedConfig) {
  const manifest = group === config.group ? await readManifest(config) : undefined;
  if (!manifest) return undefined;
  const own = manifest.contracts.filter((entry) => entry.listener === listener);
  if (own.length > 0) return own.map(({ contract }) => patternMatcher(contract));
  const names = [...new Set(manifest.contracts.map((entry) => entry.listener))];
  const nearest = nearestName(listener, names);
  const hint = nearest === undefined ? 'Run "thrun discover" if it is new' : `Did you mean ${nearest}`;
  throw new ThrunError('THRUN_INPUT', [
    `The manifest knows no listener ${plain(listener)}. ${plain(hint)}${nearest === undefined ? '.' : '?'}`,
  ]);
}
