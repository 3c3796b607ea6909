import type { DeadLetter, DeadLetterAccess, DeadLetterFilter } from '../contracts/dead-letter.js';
import { ThrunError } from '../contracts/errors.js';
import type { Transport } from '../contracts/transport.js';
import { plain } from './plain-text.js';
import { deadLettersOf } from './project.js';

/** A dead letter and the transport it is on. */
export interface PlacedLetter extends DeadLetter {
  readonly transport: string;
}

interface Place {
  readonly name: string;
  readonly access: DeadLetterAccess;
}

/**
 * The dead letters of several transports as if they were on one: their ids say which, `redis-list:17`. Of one transport
 * the ids are its own. An id without a transport is looked for on each.
 */
export class AllDeadLetters implements DeadLetterAccess {
  readonly #places: readonly Place[];

  constructor(transports: readonly Transport[]) {
    this.#places = transports.map((transport) => ({ name: transport.name, access: deadLettersOf(transport) }));
  }

  async list(filter: DeadLetterFilter, limit: number): Promise<readonly PlacedLetter[]> {
    const lists = await Promise.all(
      this.#places.map(async (place) =>
        (await place.access.list(filter, limit)).map((letter) => this.#placed(place, letter)),
      ),
    );
    return lists
      .flat()
      .sort((a, b) => a.diedAt - b.diedAt)
      .slice(0, limit);
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    const counts = await Promise.all(this.#places.map(({ access }) => access.count(filter)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** @throws {ThrunError} THRUN_INPUT when several transports have one of this id */
  async get(id: string): Promise<PlacedLetter | undefined> {
    const { place, id: own } = await this.#find(id);
    const letter = await place?.access.get(own);
    return place && letter && this.#placed(place, letter);
  }

  retry(ids: readonly string[]): Promise<number> {
    return this.#decide(ids, (access, own) => access.retry(own));
  }

  forget(ids: readonly string[]): Promise<number> {
    return this.#decide(ids, (access, own) => access.forget(own));
  }

  async #decide(
    ids: readonly string[],
    apply: (access: DeadLetterAccess, ids: readonly string[]) => Promise<number>,
  ): Promise<number> {
    const found = await Promise.all(ids.map((id) => this.#find(id)));
    let done = 0;
    for (const place of this.#places) {
      const own = found.filter((one) => one.place === place).map(({ id }) => id);
      if (own.length > 0) done += await apply(place.access, own);
    }
    return done;
  }

  async #find(id: string): Promise<{ readonly place: Place | undefined; readonly id: string }> {
    const [only] = this.#places;
    const named = this.#places.find(({ name }) => id.startsWith(`${name}:`));
    if (named && this.#places.length > 1) return { place: named, id: id.slice(named.name.length + 1) };
    if (this.#places.length === 1) return { place: only, id };
    const having: Place[] = [];
    for (const place of this.#places) if (await place.access.get(id)) having.push(place);
    if (having.length > 1) {
      const names = having.map(({ name }) => `${name}:${id}`).join(' or ');
      throw new ThrunError('THRUN_INPUT', [`Several transports have a dead letter ${plain(id)}. Say ${plain(names)}.`]);
    }
    return { place: having[0], id };
  }

  #placed({ name }: Place, letter: DeadLetter): PlacedLetter {
    return { ...letter, transport: name, id: this.#places.length > 1 ? `${name}:${letter.id}` : letter.id };
  }
}
