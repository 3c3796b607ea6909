import { nearestName } from '../../config/nearest-name.js';
import type { ResolvedConfig } from '../../config/resolved-config.js';
import { ThrunError } from '../../contracts/errors.js';
import { type Manifest, readManifest } from '../../registry/manifest.js';
import { patternMatcher } from '../../registry/pattern.js';
import type { Cli } from '../cli.js';
import { plain } from '../plain-text.js';

/** What the manifest knows of the names that are published: where jobs go, and whether anybody listens. */
export class KnownContracts {
  readonly #manifest: Manifest | undefined;
  readonly #jobs: ReadonlyMap<string, string | undefined>;
  readonly #listened: ReadonlySet<string>;
  /** Names of batches that classes here have. */
  readonly batches: ReadonlySet<string>;
  readonly #patterns: readonly ((event: string) => boolean)[];

  private constructor(manifest: Manifest | undefined) {
    const contracts = manifest?.contracts ?? [];
    this.#manifest = manifest;
    this.#jobs = new Map(
      contracts.filter(({ kind }) => kind === 'job').map(({ contract, queue }) => [contract, queue]),
    );
    this.#listened = new Set(contracts.filter(({ kind }) => kind === 'event').map(({ contract }) => contract));
    this.batches = new Set(manifest?.batches.map(({ contract }) => contract));
    this.#patterns = contracts.filter(({ kind }) => kind === 'pattern').map(({ contract }) => patternMatcher(contract));
  }

  /** @throws {ThrunError} THRUN_MANIFEST_UNREADABLE */
  static async read(config: ResolvedConfig): Promise<KnownContracts> {
    return new KnownContracts(await readManifest(config));
  }

  /** The queue a job's handler runs from; undefined where the config's own is right. */
  queueOf(event: string): string | undefined {
    return this.#jobs.get(event);
  }

  /** The manifest exists, and nobody in it would hear of the event. */
  isUnheard(event: string): boolean {
    if (!this.#manifest || this.#jobs.has(event) || this.#listened.has(event)) return false;
    return !this.#patterns.some((matches) => matches(event));
  }

  isBatch(name: string): boolean {
    return this.batches.has(name);
  }

  /** The name that was probably meant. */
  nearest(event: string): string | undefined {
    return nearestName(event, [...this.#jobs.keys(), ...this.#listened]);
  }
}

/** Routing by the manifest is a help: one that cannot be read is said, and keeps nobody from publishing. */
export async function knownContracts({ output }: Cli, config: ResolvedConfig): Promise<KnownContracts | undefined> {
  try {
    return await KnownContracts.read(config);
  } catch (error) {
    if (!(error instanceof ThrunError)) throw error;
    output.warn(plain(error.message));
    return undefined;
  }
}
