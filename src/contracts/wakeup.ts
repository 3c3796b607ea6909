/** Somebody waits until something happens, or for so long. */
export class Wakeup {
  #wake: (() => void) | undefined;

  wake(): void {
    this.#wake?.();
  }

  /** Who waits last is woken; one that waits beside it ends by its time or its signal. */
  wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        // Another wait may have begun meanwhile.
        if (this.#wake === done) this.#wake = undefined;
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      timer.unref();
      this.#wake = done;
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
