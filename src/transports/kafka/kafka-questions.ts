import type { Fetched, FetchRequest, Place } from './kafka-client.js';

export interface Wanted extends Place {
  readonly offset: number;
  /** Not the queue's own topic, but retries and what waits for its time. */
  readonly isBeside: boolean;
}

export interface Question extends FetchRequest {
  readonly places: readonly Wanted[];
}

/** An empty partition is asked again after so long; news end the wait at once. */
const WAIT_MS = 250;

/** While the queue's own topic flows, what lies beside it is asked for again after so long. */
const BESIDE_MS = 20;

/**
 * What one question after the other to a node names. A broker takes its time for each partition, asked for in vain or not,
 * and most of them lie beside the queue's own topic: while that flows they are not in every question.
 */
export class Questions {
  #isFlowing = false;
  #askedForAll = Number.NEGATIVE_INFINITY;

  /** @param now in ms, of a clock that is never set */
  next(wanted: readonly Wanted[], now: number): Question {
    const leftMs = Math.ceil(this.#askedForAll + BESIDE_MS - now);
    const own = this.#isFlowing && leftMs > 0 ? wanted.filter(({ isBeside }) => !isBeside) : [];
    if (own.length > 0) return { places: own, waitMs: leftMs };
    this.#askedForAll = now;
    return { places: wanted, waitMs: WAIT_MS };
  }

  /** @returns of each of the places that something came from, what was asked */
  answered({ places }: Question, fetched: readonly Fetched[]): readonly (Wanted | undefined)[] {
    const asked = fetched.map(({ topic, partition }) =>
      places.find((place) => place.partition === partition && place.topic === topic),
    );
    this.#isFlowing = asked.some((place) => place?.isBeside === false);
    return asked;
  }
}
