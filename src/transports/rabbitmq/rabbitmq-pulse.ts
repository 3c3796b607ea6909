import { performance } from 'node:perf_hooks';
import type { Session } from './rabbitmq-session.js';

/** Nothing came for so long: is the broker still there, and does it still see us? */
export const ASK_MS = 5000;

/** Without a sign of life for so long nobody knows whether the queue is empty. */
const MUTE_MS = 15_000;

/**
 * Whether a subscription works. One that fails in silence would look like an empty queue, so the broker is asked where
 * nothing comes.
 */
export class Pulse {
  #wellAt = performance.now();
  #askedAt = performance.now();
  /** When it was last asked something waited, and nothing has come since. */
  #wasWaiting = false;

  /** Something came. */
  beat(): void {
    this.#wellAt = performance.now();
    this.#askedAt = this.#wellAt;
    this.#wasWaiting = false;
  }

  get isMute(): boolean {
    return performance.now() - this.#wellAt > MUTE_MS;
  }

  get isDue(): boolean {
    return performance.now() - this.#askedAt >= ASK_MS;
  }

  /** Resolves to what is wrong with it, where something is. Never, where the broker does not answer. */
  async ask(session: Session): Promise<string | undefined> {
    this.#askedAt = performance.now();
    const { messageCount, consumerCount } = await session.look();
    if (consumerCount === 0) return 'nobody consumed the queue although this worker was to';
    const wasWaiting = this.#wasWaiting;
    this.#wasWaiting = messageCount > 0;
    if (!this.#wasWaiting) this.#wellAt = performance.now();
    return wasWaiting && this.#wasWaiting ? 'messages waited and none came to this worker, which has room' : undefined;
  }
}
