import type { ResolvedConfig } from '../../config/resolved-config.js';
import type { Discovery } from '../../registry/discover.js';
import { fail, type Finding, messageOf, ok, warn } from './check.js';

const OLDEST_NODE = [20, 19] as const;

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [least, leastMinor] = OLDEST_NODE;
  if (major > least || (major === least && minor >= leastMinor)) return ok('node', `Node ${version}`);
  return fail('node', `Node ${version} is too old`, `Install Node ${OLDEST_NODE.join('.')} or later.`);
}

/** Loads the listeners as `thrun discover` does. */
export async function checkListeners(
  config: ResolvedConfig,
): Promise<{ finding: Finding; discovery: Discovery | undefined }> {
  const { discover } = await import('../../registry/discover.js');
  try {
    const discovery = await discover(config);
    const { contracts, warnings } = discovery;
    const detail = `${contracts.length} ${contracts.length === 1 ? 'contract' : 'contracts'}`;
    if (warnings.length > 0)
      return { finding: warn('listeners', `${detail}; ${warnings.join('; ')}`, 'See to what is named.'), discovery };
    return { finding: ok('listeners', detail), discovery };
  } catch (error) {
    return {
      finding: fail('listeners', messageOf(error), 'Mend what is named, then run "thrun discover".'),
      discovery: undefined,
    };
  }
}

export async function checkManifest(config: ResolvedConfig): Promise<Finding> {
  const { manifestPath, readManifest, staleness } = await import('../../registry/manifest.js');
  try {
    const manifest = await readManifest(config);
    if (!manifest) {
      const detail = `${manifestPath(config.root)} does not exist; publishing cannot tell whether anybody listens`;
      return warn('manifest', detail, 'Run "thrun discover".');
    }
    const reasons = await staleness(manifest, config);
    if (reasons.length > 0) return warn('manifest', `stale: ${reasons.join(', ')}`, 'Run "thrun discover".');
    return ok('manifest', 'up to date');
  } catch (error) {
    return fail('manifest', messageOf(error), 'Run "thrun discover".');
  }
}

/** Two contracts that a person would take for one: their producer and their listener never meet. */
export function checkNames({ contracts, events }: Pick<Discovery, 'contracts' | 'events'>): Finding {
  const names = [...new Set([...contracts, ...events].map(({ contract }) => contract))].sort();
  const spellings = new Map<string, string[]>();
  for (const name of names) {
    const likeness = name
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[-_.:/]/g, '');
    const alike = spellings.get(likeness);
    if (alike) alike.push(name);
    else spellings.set(likeness, [name]);
  }
  const doubles = [...spellings.values()].filter((alike) => alike.length > 1);
  if (doubles.length === 0) return ok('names', `${names.length} distinct`);
  return warn(
    'names',
    doubles.map((alike) => alike.join(' and ')).join('; '),
    'Names are compared byte for byte. Settle on one spelling of each.',
  );
}
