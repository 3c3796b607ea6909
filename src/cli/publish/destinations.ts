import type { ResolvedConfig } from '../../config/resolved-config.js';
import { transportName } from '../../contracts/route.js';
import type { Address } from '../../dispatch/addresses.js';
import { Routes } from '../../dispatch/routes.js';
import { nameOf } from '../project.js';
import type { KnownContracts } from './known-contracts.js';

/** Where what is published goes: what the command line says, then the route, then the queue of the job, then the config's own. */
export class Destinations {
  readonly #routes: Routes;

  constructor(
    private readonly config: ResolvedConfig,
    private readonly known: KnownContracts | undefined,
    private readonly flags: { readonly transport?: string; readonly queue?: string },
  ) {
    this.#routes = new Routes(config.routes);
  }

  of(event: string): Address {
    const route = this.#routes.of(event);
    return {
      transport: this.flags.transport ?? (route?.transport ? transportName(route.transport) : nameOf(this.config)),
      queue: this.flags.queue ?? route?.queue ?? this.known?.queueOf(event) ?? this.config.queue,
    };
  }

  /** Nobody here is meant to hear of it, but a program in another language. */
  isForOthers(event: string): boolean {
    return this.#routes.of(event)?.consume === false;
  }
}
