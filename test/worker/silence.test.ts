import { expect, onTestFinished, test, vi } from 'vitest';
import type { ConsumeOptions, Consumer } from '../../src/contracts/transport.js';
import { createThrun } from '../../src/index.js';
import { MemoryTransport } from '../../src/transports/memory/memory-transport.js';

/** Connected, and never answers. */
class Deaf extends MemoryTransport {
  tell: ConsumeOptions['onNotice'] = () => undefined;
  #end: () => void = () => undefined;

  override async consume(options: ConsumeOptions): Promise<Consumer> {
    this.tell = options.onNotice;
    const ended = new Promise<[]>((resolve) => {
      this.#end = () => resolve([]);
    });
    return {
      next: () => ended,
      flush: async () => undefined,
      close: async () => undefined,
    };
  }

  hearAgain(): void {
    this.#end();
  }
}

/** No machine stands still for so long. */
const HOUR_MS = 3_600_000;

/** Puts the monotonic clock forward, as often as it is called. */
function clockSet(): (ms: number) => void {
  let ahead = 0;
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + ahead);
  onTestFinished(() => clock.mockRestore());
  return (ms) => {
    ahead += ms;
  };
}

test('connected but not consuming is silence that grows; an outage the transport knows of is none', async () => {
  const pass = clockSet();
  const transport = new Deaf();
  const app = await createThrun({ transport, logLevel: 'silent' });
  app.subscribe('e', () => undefined);
  const worker = await app.work();
  onTestFinished(() => {
    transport.hearAgain();
    return app.close();
  });
  pass(HOUR_MS);
  expect(worker.activity.silentMs).toBeGreaterThan(HOUR_MS);
  transport.tell({ kind: 'disconnected', error: new Error('gone') });
  expect(worker.activity.silentMs).toBe(0);
  transport.tell({ kind: 'reconnected' });
  expect(worker.activity.silentMs).toBeLessThan(HOUR_MS);
  pass(HOUR_MS);
  expect(worker.activity.silentMs).toBeGreaterThan(HOUR_MS);
});
