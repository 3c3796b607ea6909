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

interface Parts {
  readonly connection: RedisConnection;
  readonly prepare: (deliveries: readonly RedisDelivery[]) => Round;
  readonly onWritten: (lost: readonly RedisDelivery[]) => void;
  readonly onNotice: (notice: TransportNotice) => void;
}

const PAUSE_MS = 100;

/** Gathers settlements: all since the last round go into the next, one round at a time. */
export class Settling {
  readonly #parts: Parts;
  #waiting: RedisDelivery[] = [];
  #round: Promise<void> | undefined;
  /** The running round has taken what it writes: whatever is settled from here on needs the next one. */
  #taken = false;
  #nextRound: Promise<void> | undefined;
  #closing = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  add(delivery: RedisDelivery): Promise<void> {
    this.#waiting.push(delivery);
    return this.flush();
  }

  /** Resolves when everything added so far is written. Callers of the same round share one promise. */
  flush(): Promise<void> {
    if (this.#round === undefined) {
      if (this.#waiting.length === 0) return Promise.resolve();
      this.#round = this.#writeRound();
    } else if (this.#taken) {
      this.#nextRound ??= this.#round.then(() => {
        this.#nextRound = undefined;
        return this.flush();
      });
      return this.#nextRound;
    }
    return this.#round;
  }

  /** Flushes, but not for ever: what cannot be written now is delivered again when its lease runs out. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.flush();
  }

  async #writeRound(): Promise<void> {
    // What is settled in the same breath comes along.
    await Promise.resolve();
    const deliveries = this.#waiting;
    this.#waiting = [];
    this.#taken = true;
    const round = this.#parts.prepare(deliveries);
    await this.#write(round, deliveries.length);
    this.#round = undefined;
    this.#taken = false;
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
