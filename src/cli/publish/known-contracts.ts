import { nearestName } from '../../config/nearest-name.js';
import type { ResolvedConfig } from '../../config/resolve.js';
import { type Manifest, readManifest } from '../../registry/manifest.js';
import { patternMatcher } from '../../registry/pattern.js';

/** What the manifest knows of the names that are published: where jobs go, and whether anybody listens. */
export class KnownContracts {
  readonly #manifest: Manifest | undefined;
  readonly #jobs: ReadonlyMap<string, string | undefined>;
  readonly #listened: ReadonlySet<string>;
  readonly #patterns: readonly ((event: string) => boolean)[];

  private constructor(manifest: Manifest | undefined) {
    const contracts = manifest?.contracts ?? [];
    this.#manifest = manifest;
    this.#jobs = new Map(
      contracts.filter(({ kind }) => kind === 'job').map(({ contract, queue }) => [contract, queue]),
    );
    this.#listened = new Set(contracts.filter(({ kind }) => kind === 'event').map(({ contract }) => contract));
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

  /** The name that was probably meant. */
  nearest(event: string): string | undefined {
    return nearestName(event, [...this.#jobs.keys(), ...this.#listened]);
  }
}
