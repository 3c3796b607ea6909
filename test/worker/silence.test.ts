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

test('connected but not consuming is silence that grows; an outage the transport knows of is none', async () => {
  const transport = new Deaf();
  const app = await createThrun({ transport, logLevel: 'silent' });
  app.subscribe('e', () => undefined);
  const worker = await app.work();
  onTestFinished(() => {
    transport.hearAgain();
    return app.close();
  });
  await vi.waitFor(() => expect(worker.activity.silentMs).toBeGreaterThan(100));
  transport.tell({ kind: 'disconnected', error: new Error('gone') });
  expect(worker.activity.silentMs).toBe(0);
  transport.tell({ kind: 'reconnected' });
  expect(worker.activity.silentMs).toBeLessThan(100);
  await vi.waitFor(() => expect(worker.activity.silentMs).toBeGreaterThan(100));
});
