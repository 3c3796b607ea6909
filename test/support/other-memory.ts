import type { TransportTraits } from '../../src/contracts/transport.js';
import { MemoryStore, MemoryTransport } from '../../src/testing/index.js';

/** A second transport beside the one of a test, under a name of its own. */
export class OtherMemory extends MemoryTransport {
  override readonly name: 'memory';
  override readonly traits: TransportTraits;

  constructor(
    name: string,
    traits: Partial<TransportTraits> = {},
    readonly store = new MemoryStore(),
  ) {
    super(store);
    this.name = name as 'memory';
    this.traits = { ...new MemoryTransport().traits, ...traits };
  }

  /** Resolves when nothing is ready and nothing runs. */
  async settle(): Promise<void> {
    while (this.store.isBusy(Date.now())) await this.store.change();
  }

  /** What waits in a queue that nobody consumes, as text. */
  waiting(queue: string): readonly string[] {
    return (this.store.unclaimed.get(queue) ?? []).map(({ body }) => Buffer.from(body).toString());
  }
}
