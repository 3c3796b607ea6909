import { ThrunError } from '../contracts/errors.js';
import type { Listener } from './listener.js';
import { isPattern, patternMatcher } from './pattern.js';

/** Foreign programs choose the names that arrive, so what is remembered of them has an end. */
const MOST_REMEMBERED = 10_000;

const NONE: readonly Listener[] = [];

/** Who listens to what. Looked up once per name, then remembered until something is added or removed. */
export class Registry {
  readonly #byName = new Map<string, Listener>();
  readonly #jobs = new Map<string, Listener>();
  readonly #exact = new Map<string, Listener[]>();
  readonly #patterns: { readonly listener: Listener; readonly matches: (event: string) => boolean }[] = [];
  readonly #remembered = new Map<string, readonly Listener[]>();

  /** @returns a function that takes it out again. */
  add(listener: Listener): () => void {
    const rival =
      listener.kind === 'job' ? listener.contracts.map((name) => this.#jobs.get(name)).find(Boolean) : undefined;
    if (rival) throw new ThrunError('THRUN_DUPLICATE_HANDLER', [rival.contracts[0], rival.origin, listener.origin]);
    const namesake = this.#byName.get(listener.name);
    if (namesake) throw new ThrunError('THRUN_DUPLICATE_LISTENER', [listener.name, namesake.origin, listener.origin]);
    if (listener.kind === 'job') this.#addJob(listener);
    else this.#addEventListener(listener);
    this.#byName.set(listener.name, listener);
    this.#remembered.clear();
    return () => this.#remove(listener);
  }

  /** Every listener of the event, in the order they were added; a job's one handler. */
  match(event: string): readonly Listener[] {
    let found = this.#remembered.get(event);
    if (found === undefined) {
      found = this.#lookUp(event);
      if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(event, found);
    }
    return found;
  }

  named(name: string): Listener | undefined {
    return this.#byName.get(name);
  }

  job(name: string): Listener | undefined {
    return this.#jobs.get(name);
  }

  /** Every listener, in the order they were added. */
  all(): readonly Listener[] {
    return [...this.#byName.values()];
  }

  #lookUp(event: string): readonly Listener[] {
    const job = this.#jobs.get(event);
    if (job) return [job];
    const exact = this.#exact.get(event) ?? NONE;
    const matching = this.#patterns.filter((pattern) => pattern.matches(event)).map((pattern) => pattern.listener);
    // A listener that names the event and also has a pattern for it still hears it once.
    return matching.length === 0 ? exact : [...new Set([...exact, ...matching])];
  }

  #addJob(listener: Listener): void {
    for (const contract of listener.contracts) {
      const eavesdropper = this.#exact.get(contract)?.[0];
      if (eavesdropper) throw new ThrunError('THRUN_NAME_CLASH', [contract, listener.origin, eavesdropper.origin]);
      this.#jobs.set(contract, listener);
    }
  }

  #addEventListener(listener: Listener): void {
    // The same name twice, or a class and its own name, is still one listener.
    for (const contract of new Set(listener.contracts)) {
      const job = this.#jobs.get(contract);
      if (job) throw new ThrunError('THRUN_NAME_CLASH', [contract, job.origin, listener.origin]);
      if (isPattern(contract)) this.#patterns.push({ listener, matches: patternMatcher(contract) });
      else this.#exact.set(contract, [...(this.#exact.get(contract) ?? NONE), listener]);
    }
  }

  #remove(listener: Listener): void {
    if (this.#byName.get(listener.name) !== listener) return;
    this.#byName.delete(listener.name);
    for (const contract of listener.contracts) {
      if (this.#jobs.get(contract) === listener) this.#jobs.delete(contract);
      const left = this.#exact.get(contract)?.filter((other) => other !== listener);
      if (left?.length === 0) this.#exact.delete(contract);
      else if (left) this.#exact.set(contract, left);
    }
    for (let i = this.#patterns.length - 1; i >= 0; i--) {
      if (this.#patterns[i]?.listener === listener) this.#patterns.splice(i, 1);
    }
    this.#remembered.clear();
  }
}
