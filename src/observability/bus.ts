import type { Observation, Observer } from './observation.js';

/** Where observers are attached. What an observer throws never reaches a delivery. */
export class Bus {
  #observers: readonly Observer[] = [];

  /** @returns a function that ends it. */
  observe(observer: Observer): () => void {
    this.#observers = [...this.#observers, observer];
    return () => {
      this.#observers = this.#observers.filter((other) => other !== observer);
    };
  }

  readonly emit = (observation: Observation): void => {
    for (const observer of this.#observers) {
      try {
        observer(observation);
      } catch {
        // Watching must not change what is watched.
      }
    }
  };
}
