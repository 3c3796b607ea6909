import { LIFECYCLE_KINDS, type LifecycleKind, type NamedBatch } from '../contracts/batch.js';
import { ThrunError } from '../contracts/errors.js';
import { eventNameProblem, type Limits } from '../envelope/index.js';
import { type BatchDefinition, type Definable, DEFINITION } from './definition.js';
import { type BatchMembers, stagesOf } from './members.js';
import type { BatchNaming } from './named-batch.js';

/**
 * Who may be told a name: every builder. The property nobody has is for the compiler alone: looking for what `await` gives, it
 * passes over a `then` that is for another `this`, and so finds the one of the promise protocol.
 */
interface Naming {
  name(name: string): unknown;
  readonly isAwaited?: never;
}

/**
 * A batch being put together. Each call says one thing and gives the builder back; `await` (or `dispatch()`) sends it and
 * gives its id:
 * ```ts
 * const id = await thrun.batch([new CreatePayment(1), [new ReserveStock(1), new Invoice(1)], new SendOrderEmail(1)])
 *   .then('order.success').catch('order.failed').finally('order.finished').progress('order.progress');
 * ```
 * With a string `then`, `catch` and `finally` name the event that is published at that moment; with a function they are
 * the promise protocol.
 */
export class BatchBuilder implements PromiseLike<string>, Definable {
  readonly #members: BatchMembers;
  readonly #send: (builder: BatchBuilder) => Promise<string>;
  readonly #events: { [Kind in LifecycleKind]?: string } = {};
  #name: string | undefined;
  #parallel = false;
  #allowFailures = false;
  #sent: Promise<string> | undefined;

  /** @param send makes the batch and resolves to its id; called once, however often the builder is awaited */
  constructor(members: BatchMembers, send: (builder: BatchBuilder) => Promise<string>) {
    this.#members = members;
    this.#send = send;
  }

  /** What people call it: in its lifecycle events, and in `thrun batch list`. */
  name(name: string): this {
    if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > 255 || /\p{Cc}/u.test(name)) {
      throw new ThrunError('THRUN_BATCH_DEFINITION', ['its name has to be 1 to 255 bytes without control characters']);
    }
    this.#name = name;
    return this;
  }

  /** All jobs beside each other. Default: one after the other, and a list among them is a parallel stage. */
  parallel(parallel = true): this {
    this.#parallel = parallel;
    return this;
  }

  /** The rest runs on when a job has failed. Default: the first failure ends the batch. */
  allowFailures(allow = true): this {
    this.#allowFailures = allow;
    return this;
  }

  /** The event to publish after each job that ran. */
  progress(event: string): this {
    return this.#announce('progress', event);
  }

  /** The event to publish once every job has succeeded; with functions: the promise protocol, which sends the batch. */
  then(this: Naming, event: string): this;
  then<Result = string, Failure = never>(
    onSent?: ((id: string) => Result | PromiseLike<Result>) | null,
    onFailed?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure>;
  then<Result, Failure>(
    what?: string | ((id: string) => Result | PromiseLike<Result>) | null,
    onFailed?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): this | Promise<string | Result | Failure> {
    if (typeof what === 'string') return this.#announce('then', what);
    return this.dispatch().then(what, onFailed);
  }

  /** The event to publish at the first failure; with a function: the promise's own `catch`. */
  catch(event: string): this;
  catch<Failure>(onFailed: (error: unknown) => Failure | PromiseLike<Failure>): Promise<string | Failure>;
  catch<Failure>(
    what: string | ((error: unknown) => Failure | PromiseLike<Failure>),
  ): this | Promise<string | Failure> {
    return typeof what === 'string' ? this.#announce('catch', what) : this.dispatch().catch(what);
  }

  /** The event to publish when nothing of it can run any more, whatever happened; with a function: the promise's own. */
  finally(event: string): this;
  finally(onSettled: () => void): Promise<string>;
  finally(what: string | (() => void)): this | Promise<string> {
    return typeof what === 'string' ? this.#announce('finally', what) : this.dispatch().finally(what);
  }

  /** Makes the batch and starts it. Resolves to its id once it is in the store; a second call to the same id. */
  dispatch(): Promise<string> {
    this.#sent ??= this.#send(this);
    return this.#sent;
  }

  /** @throws {ThrunError} THRUN_BATCH_DEFINITION */
  [DEFINITION](limits: Limits, depth = 0, above = ''): BatchDefinition {
    return {
      name: this.#name,
      parallel: this.#parallel,
      allowFailures: this.#allowFailures,
      events: { ...this.#events },
      stages: stagesOf(this.#members, this.#parallel, limits, depth, above),
    };
  }

  #announce(kind: LifecycleKind, event: string): this {
    const problem = eventNameProblem(event);
    if (problem !== undefined) throw new ThrunError('THRUN_EVENT_NAME', [JSON.stringify(event), problem]);
    this.#events[kind] = event;
    return this;
  }
}

/** A batch whose class `@ThrunBatch` names, with all that was said there. */
export function namedBuilder(
  { name, options }: BatchNaming,
  batch: NamedBatch,
  send: (builder: BatchBuilder) => Promise<string>,
): BatchBuilder {
  const { parallel = false, allowFailures = false, ...events } = options;
  const builder = new BatchBuilder(batch.jobs(), send).name(name).parallel(parallel).allowFailures(allowFailures);
  for (const kind of LIFECYCLE_KINDS) {
    const event = events[kind];
    if (event !== undefined) builder[kind](event);
  }
  return builder;
}
