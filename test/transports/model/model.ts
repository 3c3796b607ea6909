import assert from 'node:assert/strict';
import { type Delivery, SUSPECT_CRASHES, type Successor } from '../../../src/contracts/delivery.js';
import type { How } from './operations.js';

/** The lease of every consumer here, by the virtual clock. */
export const VISIBILITY_MS = 3000;

/** What one group should have of one message, or of one listener's share in it. */
interface Item {
  readonly text: string;
  readonly target: string | undefined;
  readonly group: string;
  attempts: number;
  crashes: number;
  due: number;
  held: Held | undefined;
}

/** One receipt, as the model remembers it. */
export interface Held {
  readonly item: Item;
  readonly delivery: Delivery;
  /** When its holder died; undefined: it lives, and then nobody else may have it. */
  diedAt: number | undefined;
  /** It was said to run. */
  hasBegun: boolean;
}

/**
 * What a transport has to do, without saying how: no order, no ranges, only which messages there are and who may have them.
 * It checks everything that is received against that.
 */
export class Model {
  readonly #items = new Set<Item>();
  readonly #dead: { readonly item: Item }[] = [];
  #lastTarget = 0;

  constructor(private readonly now: () => number) {}

  publish(text: string, group: string, due: number): void {
    this.#items.add({ text, target: undefined, group, attempts: 0, crashes: 0, due, held: undefined });
  }

  /** Everything received was to be had, and as much was received as had to be. */
  received(group: string, max: number, deliveries: readonly Delivery[]): Held[] {
    const certain = this.#count(group, (item) => this.#isFree(item) === 'yes');
    const possible = this.#count(group, (item) => this.#isFree(item) !== 'no');
    assert.ok(deliveries.length <= max, `${deliveries.length} received, ${max} asked for`);
    assert.ok(
      deliveries.length >= Math.min(max, certain) && deliveries.length <= possible,
      `${deliveries.length} received, at most ${max} of ${certain} to ${possible} were to come`,
    );
    return deliveries.map((delivery) => this.#receivedOne(group, delivery));
  }

  /** @returns what is to be told the transport */
  successors({ item, delivery }: Held, how: How): readonly Successor[] {
    const { attempt, crashes, target } = delivery;
    const postponed = { kind: 'postponed', attempts: attempt, crashes, delayMs: 0, target } as const;
    if (how.kind === 'retry') return [{ ...postponed, delayMs: how.delayMs }];
    if (how.kind === 'split')
      return [this.#newTarget(), this.#newTarget()].map((share) => ({ ...postponed, target: share }));
    const why = { reason: 'gave_up', error: item.text, event: 'model', eventId: undefined } as const;
    return [{ kind: 'dead', target, attempts: attempt, ...why }];
  }

  /** The settlement counted. */
  settled(held: Held, how: How, successors: readonly Successor[]): void {
    const { item } = held;
    assert.equal(item.held, held, `${name(item)}: a settlement counted though someone else had it`);
    item.held = undefined;
    if (how.kind === 'release') {
      item.attempts--;
      item.due = this.now();
      return;
    }
    this.#items.delete(item);
    for (const next of successors) {
      if (next.kind === 'dead') this.#dead.push({ item });
      else
        this.#items.add({
          ...item,
          target: next.target,
          attempts: next.attempts,
          due: this.now() + next.delayMs,
          held: undefined,
        });
    }
  }

  /** The settlement came too late. */
  refused(held: Held): void {
    const { item } = held;
    if (item.held !== held) return;
    assert.notEqual(this.#isFree(item), 'no', `${name(item)}: refused though nobody else could have had it`);
    // The transport has taken it back already, though nobody has received it yet.
    this.#tookBack(item);
  }

  handedBack(held: Held): void {
    if (held.item.held === held) this.settled(held, { kind: 'release' }, []);
  }

  retriedDead(): number {
    for (const { item } of this.#dead) {
      this.#items.add({ ...item, attempts: 0, crashes: 0, due: this.now(), held: undefined });
    }
    return this.#dead.splice(0).length;
  }

  get deaths(): number {
    return this.#dead.length;
  }

  left(group: string): number {
    return this.#count(group, () => true);
  }

  #receivedOne(group: string, delivery: Delivery): Held {
    const text = new TextDecoder().decode(delivery.body);
    const found = [...this.#items].filter(
      (item) => item.group === group && item.text === text && item.target === delivery.target,
    );
    const [item, ...more] = found;
    assert.ok(
      item && more.length === 0,
      `${text} for ${delivery.target ?? 'all'} was received, but is done with or was never there`,
    );
    assert.notEqual(this.#isFree(item), 'no', `${name(item)} was received too early, or while another had it`);
    if (item.held) this.#tookBack(item);
    item.attempts++;
    assert.deepEqual(
      [delivery.attempt, delivery.crashes],
      [item.attempts, item.crashes],
      `${name(item)}: attempts and crashes`,
    );
    item.held = { item, delivery, diedAt: undefined, hasBegun: false };
    return item.held;
  }

  #tookBack(item: Item): void {
    // A suspect is counted down with a worker only where it was what ran.
    if (item.crashes < SUSPECT_CRASHES || item.held?.hasBegun) item.crashes++;
    item.held = undefined;
    item.due = this.now();
  }

  /** `maybe`: its holder is dead, but nobody can say when it last extended its lease. */
  #isFree({ held, due }: Item): 'yes' | 'maybe' | 'no' {
    if (!held) return due <= this.now() ? 'yes' : 'no';
    if (held.diedAt === undefined) return 'no';
    const deadFor = this.now() - held.diedAt;
    if (deadFor >= VISIBILITY_MS) return 'yes';
    return deadFor >= (VISIBILITY_MS * 2) / 3 - 1 ? 'maybe' : 'no';
  }

  #count(group: string, condition: (item: Item) => boolean): number {
    let count = 0;
    for (const item of this.#items) if (item.group === group && condition(item)) count++;
    return count;
  }

  #newTarget(): string {
    return `listener-${++this.#lastTarget}`;
  }
}

function name({ text, target, group }: Item): string {
  return `message ${text} for ${target ?? 'all'} in ${group}`;
}
