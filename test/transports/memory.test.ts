import { describe, test } from 'vitest';
import { StallableClock, transportConformance } from '../../src/testing/conformance/index.js';
import { MemoryStore } from '../../src/transports/memory/memory-store.js';
import { MemoryTransport } from '../../src/transports/memory/memory-transport.js';

transportConformance('memory', {
  describe,
  test,
  traits: new MemoryTransport().traits,
  with: ['history', 'burial'],
  async create() {
    const store = new MemoryStore({ history: true });
    return {
      transport: new MemoryTransport(store),
      another: async () => new MemoryTransport(store),
      async stalling() {
        const clock = new StallableClock();
        return { transport: new MemoryTransport(store, clock), stall: () => clock.stall() };
      },
      destroy: async () => undefined,
    };
  },
});
