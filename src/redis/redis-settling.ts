import type { TransportNotice } from '../contracts/transport.js';
import type { RedisConnection } from './redis-connection.js';
import type { RedisDelivery } from './redis-delivery.js';
import { RedisFailure } from './redis-failure.js';

/** Settlements that are written together. */
export interface Round {
  /**
   * Sends them; may be asked again after a failure.
   * @returns those that somebody else has by now
   */
  write(): Promise<readonly RedisDelivery[]>;
}

interface Promised {
  readonly kept: Promise<void>;
  readonly keep: (written: Promise<void>) => void;
}

interface Parts {
  readonly connection: RedisConnection;
  readonly prepare: (deliveries: readonly RedisDelivery[]) => Round;
  readonly onWritten: (lost: readonly RedisDelivery[]) => void;
  readonly onNotice: (notice: TransportNotice) => void;
}

const PAUSE_MS = 100;

/**
 * Gathers settlements: all since the last round go into the next, one round at a time. A round leaves with the next claim, or
 * when the turn of the event loop ends in which nobody claims.
 */
export class Settling {
  readonly #parts: Parts;
  #waiting: RedisDelivery[] = [];
  /** What those who wait for these were given. */
  #promised: Promised | undefined;
  #writing: Promise<void> | undefined;
  #claiming = false;
  #closing = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when it is written. Those of the same round share one promise. */
  add(delivery: RedisDelivery): Promise<void> {
    this.#waiting.push(delivery);
    this.#promised ??= this.#promise();
    return this.#promised.kept;
  }

  /** Resolves when everything added so far is written. */
  flush(): Promise<void> {
    this.#leave();
    return this.#promised?.kept ?? this.#writing ?? Promise.resolve();
  }

  /**
   * A claim takes along what is settled, in one piece. What is settled until it is answered waits for that, a round trip:
   * where there is more to do, the next claim takes it along.
   */
  async along<Claimed>(claim: () => Promise<Claimed>): Promise<Claimed> {
    this.#claiming = true;
    try {
      return await this.#parts.connection.together(() => {
        this.#leave();
        return claim();
      });
    } finally {
      this.#claiming = false;
      this.#leaveSoon();
    }
  }

  /** Flushes, but not for ever: what cannot be written now is delivered again when its lease runs out. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.flush();
  }

  #promise(): Promised {
    this.#leaveSoon();
    let keep: Promised['keep'] = () => undefined;
    const kept = new Promise<void>((resolve) => (keep = resolve));
    return { kept, keep };
  }

  #leaveSoon(): void {
    process.nextTick(this.#turnEnds);
  }

  readonly #turnEnds = (): void => {
    if (!this.#claiming) this.#leave();
  };

  #leave(): void {
    if (this.#writing || !this.#promised) return;
    const { keep } = this.#promised;
    const deliveries = this.#waiting;
    this.#waiting = [];
    this.#promised = undefined;
    this.#writing = this.#write(this.#parts.prepare(deliveries), deliveries.length).then(() => {
      this.#writing = undefined;
      this.#leaveSoon();
    });
    keep(this.#writing);
  }

  async #write(round: Round, count: number): Promise<void> {
    const { connection, onWritten, onNotice } = this.#parts;
    let told = false;
    // After a lost answer nobody can tell what was written then from what was lost before: both are gone from here.
    let unsure = false;
    for (;;) {
      const lastTry = this.#closing;
      try {
        const lost = await round.write();
        return onWritten(unsure ? [] : lost);
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error;
        const { outcome, message } = error;
        unsure ||= outcome === 'unknown';
        if (lastTry && (outcome === 'refused' || !(await connection.ready(connection.timeoutMs)))) {
          const text = `${count} settlements could not be written before closing, so these are delivered again: ${message}`;
          return onNotice({ kind: 'degraded', message: text });
        }
        if (outcome === 'refused' && !told) {
          onNotice({ kind: 'degraded', message: `settlements cannot be written, trying again: ${message}` });
          told = true;
        }
        await pause(PAUSE_MS);
        await connection.ready(connection.timeoutMs);
      }
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
