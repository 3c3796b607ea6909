import type { Transport } from '../contracts/transport.js';

/** The transports of one application, each opened when it is first used. */
export class OpenTransports {
  readonly #own: string;
  readonly #make: (name: string) => Promise<Transport>;
  readonly #opening = new Map<string, Promise<Transport>>();
  #ready: Transport | undefined;

  /**
   * @param own the one that is meant where none is named
   * @param make makes one by its name; it is opened here
   */
  constructor(own: string, make: (name: string) => Promise<Transport>) {
    this.#own = own;
    this.#make = make;
  }

  /** At once where it is open and the own one: who publishes then waits for nothing. */
  get(name?: string): Transport | Promise<Transport> {
    return (name === undefined && this.#ready) || this.open(name);
  }

  open(name = this.#own): Promise<Transport> {
    let opening = this.#opening.get(name);
    if (!opening) {
      opening = this.#open(name);
      this.#opening.set(name, opening);
      // A transport that could not be reached is tried anew by the next caller.
      opening.catch(() => this.#opening.delete(name));
    }
    return opening;
  }

  async close(): Promise<void> {
    for (const opening of this.#opening.values()) await (await opening.catch(() => undefined))?.close();
  }

  async #open(name: string): Promise<Transport> {
    const transport = await this.#make(name);
    await transport.open();
    if (name === this.#own) this.#ready = transport;
    return transport;
  }
}
