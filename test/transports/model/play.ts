import assert from 'node:assert/strict';
import type { Clock } from '../../../src/contracts/clock.js';
import { type Delivery, SUSPECT_CRASHES } from '../../../src/contracts/delivery.js';
import type { Consumer, Transport } from '../../../src/contracts/transport.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { type Held, Model, VISIBILITY_MS } from './model.js';
import type { How, Operation } from './operations.js';

export interface Broker {
  connect(clock: Clock): Transport;
  destroy(): Promise<void>;
}

const QUEUE = 'model';
/** Two workers that share, and one of another application. */
const GROUPS = ['shop', 'shop', 'mail'] as const;

interface Process {
  readonly group: string;
  readonly transport: Transport;
  readonly consumer: Consumer;
  readonly held: Held[];
  /** Ids whose lease was said to be lost, and how many of those words were already put down to a settlement. */
  readonly lost: Map<string, { told: number; counted: number }>;
  alive: boolean;
}

/** Plays operations against a transport and a model of it, side by side. */
export class Play {
  readonly #clock = new VirtualClock();
  readonly #model = new Model(() => this.#clock.now());
  readonly #processes: Process[] = [];
  readonly #everyone: Process[] = [];
  /** What the dead held. */
  readonly #late: { readonly held: Held; readonly process: Process }[] = [];
  #published = 0;

  constructor(private readonly broker: Broker) {}

  async run(operations: readonly Operation[]): Promise<void> {
    try {
      for (const group of GROUPS) this.#processes.push(await this.#start(group));
      for (const operation of operations) await this.#do(operation);
      await this.#finish();
    } finally {
      for (const { transport } of this.#everyone) await transport.close();
      await this.broker.destroy();
    }
  }

  async #do(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'publish':
        return this.#publish(operation.count, operation.delayMs);
      case 'next':
        return this.#next(this.#process(operation.process), operation.max);
      case 'settle':
        return this.#settle(this.#process(operation.process), operation.delivery, operation.hows);
      case 'begin':
        return this.#begin(this.#process(operation.process), operation.delivery);
      case 'settleLate':
        return this.#settleLate(operation.delivery, operation.how);
      case 'crash':
        return this.#crash(operation.process % GROUPS.length);
      case 'restart':
        return this.#restart(operation.process % GROUPS.length);
      case 'advance':
        return this.#clock.advance(operation.ms);
      case 'retryDead':
        return this.#retryDead();
    }
  }

  #process(index: number): Process {
    return this.#processes[index % GROUPS.length] ?? assert.fail();
  }

  async #start(group: string): Promise<Process> {
    const process: { alive: boolean } = { alive: true };
    // A dead process's timers fire no more, so its leases are not extended.
    const clock: Clock = {
      now: () => this.#clock.now(),
      after: (ms, fn) => this.#clock.after(ms, () => process.alive && fn()),
    };
    const transport = this.broker.connect(clock);
    const lost: Process['lost'] = new Map();
    const consumer = await transport.consume({
      queue: QUEUE,
      group,
      visibilityMs: VISIBILITY_MS,
      onNotice(notice) {
        assert.equal(notice.kind, 'lease_lost');
        assert.ok(!process.alive, 'a living process lost a lease');
        if (notice.kind !== 'lease_lost') return;
        const { told, counted } = lost.get(notice.id) ?? { told: 0, counted: 0 };
        lost.set(notice.id, { told: told + 1, counted });
      },
    });
    const started: Process = Object.assign(process, { group, transport, consumer, lost, held: [] });
    this.#everyone.push(started);
    return started;
  }

  async #publish(count: number, delayMs: number): Promise<void> {
    const due = this.#clock.now() + delayMs;
    const texts = Array.from({ length: count }, () => String(++this.#published));
    const publisher = this.#process(this.#published);
    const deliverAt = delayMs > 0 ? { deliverAt: due } : {};
    await publisher.transport.publish(
      QUEUE,
      texts.map((text) => ({ body: Buffer.from(text), event: 'model', ...deliverAt })),
    );
    for (const text of texts) for (const group of new Set(GROUPS)) this.#model.publish(text, group, due);
  }

  async #next(process: Process, max: number): Promise<void> {
    const deliveries = await process.consumer.next(max, { waitMs: 0 });
    process.held.push(...this.#model.received(process.group, max, deliveries));
  }

  async #settle(process: Process, index: number, hows: readonly How[]): Promise<void> {
    const told = hows.flatMap((how) => {
      if (process.held.length === 0) return [];
      const [held] = process.held.splice(index % process.held.length, 1);
      return held ? [this.#tell(held, how)] : [];
    });
    for (const settled of await Promise.all(told)) settled();
  }

  async #begin({ held }: Process, index: number): Promise<void> {
    const suspects = held.filter(({ delivery }) => delivery.crashes >= SUSPECT_CRASHES);
    const one = suspects[index % suspects.length];
    if (!one) return;
    await one.delivery.begin();
    one.hasBegun = true;
  }

  /** @returns what is to be called where the settlement counted */
  async #tell(held: Held, how: How): Promise<() => void> {
    const successors = how.kind === 'ack' || how.kind === 'release' ? [] : this.#model.successors(held, how);
    await tell(held.delivery, how, successors);
    return () => this.#model.settled(held, how, successors);
  }

  async #settleLate(index: number, how: How): Promise<void> {
    if (this.#late.length === 0) return;
    const [late] = this.#late.splice(index % this.#late.length, 1);
    if (!late) return;
    const { held, process } = late;
    const settled = await this.#tell(held, how);
    const { told, counted } = process.lost.get(held.delivery.id) ?? { told: 0, counted: 0 };
    if (told > counted) {
      process.lost.set(held.delivery.id, { told, counted: counted + 1 });
      this.#model.refused(held);
    } else {
      settled();
    }
  }

  async #crash(index: number): Promise<void> {
    const process = this.#process(index);
    process.alive = false;
    for (const held of process.held.splice(0)) {
      held.diedAt = this.#clock.now();
      this.#late.push({ held, process });
    }
    this.#processes[index] = await this.#start(process.group);
  }

  async #restart(index: number): Promise<void> {
    const process = this.#process(index);
    await process.transport.close();
    for (const held of process.held.splice(0)) {
      this.#model.handedBack(held);
      // Whoever says something after closing is not heard.
      await held.delivery.ack();
    }
    this.#processes[index] = await this.#start(process.group);
  }

  async #retryDead(): Promise<void> {
    const letters = await this.#process(0).transport.deadLetters?.list({}, 1000);
    const retried = await this.#process(0).transport.deadLetters?.retry(letters?.map(({ id }) => id) ?? []);
    assert.equal(retried, this.#model.deaths);
    this.#model.retriedDead();
  }

  /** Everything that is left can be had, once, and then there is nothing. */
  async #finish(): Promise<void> {
    assert.equal(await this.#process(0).transport.deadLetters?.count({}), this.#model.deaths);
    await this.#retryDead();
    await this.#clock.advance(VISIBILITY_MS * 5);
    const ackAll = (process: Process) =>
      this.#settle(
        process,
        0,
        process.held.map(() => ({ kind: 'ack' })),
      );
    for (const process of this.#processes) await ackAll(process);
    for (const process of this.#processes) {
      await this.#next(process, 100_000);
      await ackAll(process);
      assert.equal(this.#model.left(process.group), 0);
    }
    for (const { depth, inFlight, delayed, dead } of (await this.#process(0).transport.queues?.stats()) ?? []) {
      assert.deepEqual({ depth, inFlight, delayed, dead }, { depth: 0, inFlight: 0, delayed: 0, dead: 0 });
    }
  }
}

function tell(delivery: Delivery, how: How, successors: Parameters<Delivery['handOver']>[0]): Promise<void> {
  if (how.kind === 'ack') return delivery.ack();
  if (how.kind === 'release') return delivery.release();
  return delivery.handOver(successors);
}
