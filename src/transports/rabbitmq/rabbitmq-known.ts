import type { RabbitmqOptions } from './rabbitmq-options.js';

/** AMQP has no list of queues: what the config names, and what this process has had to do with. */
export class Known {
  readonly #groups = new Map<string, Set<string>>();
  readonly #own: string | undefined;

  constructor({ group, queues = [] }: Pick<RabbitmqOptions, 'group' | 'queues'>) {
    this.#own = group;
    for (const queue of queues) this.see(queue);
  }

  see(queue: string, group = this.#own): void {
    let groups = this.#groups.get(queue);
    if (!groups) this.#groups.set(queue, (groups = new Set()));
    if (group !== undefined) groups.add(group);
  }

  get queues(): readonly string[] {
    return [...this.#groups.keys()].sort();
  }

  groupsOf(queue: string): readonly string[] {
    return [...(this.#groups.get(queue) ?? [])].sort();
  }
}
