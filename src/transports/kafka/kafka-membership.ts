import type { Clock } from '../../contracts/clock.js';
import { assign, type AssignableMember, factsOf, factsText, type MemberFacts } from './kafka-assigner.js';
import {
  CLOSED,
  codeOf,
  KafkaFailure,
  type Joined,
  type MemberLink,
  type Membership as Seat,
  type Place,
} from './kafka-client.js';
import { Session } from './kafka-session.js';

export interface MembershipParts {
  readonly link: MemberLink;
  readonly clock: Clock;
  readonly topics: readonly string[];
  /** The broker takes a member that it has not heard of for so long as dead. It may insist on another time. */
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  /** Where there is nothing to do there is no need to be in the group. */
  readonly isWanted: () => boolean;
  /** The group is about to be shared anew: what can be finished is finished, and committed. */
  readonly beforeJoin: () => Promise<void>;
  readonly facts: () => MemberFacts;
  /** @param isNew nothing of what it had before is its own any more */
  readonly onShare: (places: readonly Place[], isNew: boolean) => Promise<void>;
  /** The new share is there: work goes on. */
  readonly onMoved: () => void;
  /** It is no member any more: whatever it holds is somebody else's. */
  readonly onLost: () => void;
  readonly onAnswer: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/** The group does not know this member any more, or cannot be asked any more. */
const LOST = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID', CLOSED]);

const REBALANCE = 'REBALANCE_IN_PROGRESS';
const LONGEST_PAUSE_MS = 2000;

/** Where nothing else is said, members have this long to come to a rebalance. */
const REBALANCE_MS = 10_000;

/** A seat in a consumer group: joins it, stays in it by heartbeats, comes to each rebalance, and says when it is lost. */
export class Membership {
  readonly #parts: MembershipParts;
  #seat: Seat | undefined;
  /** Known to the broker, with a share or not yet: joining under another id would leave this one behind as a ghost. */
  #memberId = '';
  readonly #session: Session;
  #wake: (() => void) | undefined;
  #mustRejoin = false;
  #isClosed = false;
  #running: Promise<void> | undefined;
  #checking: Promise<boolean> | undefined;
  #joining: Promise<void> | undefined;
  /** Between the word that the group is shared anew and the new share. */
  isMoving = false;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#session = new Session(parts.sessionMs);
  }

  get seat(): Seat | undefined {
    return this.#seat;
  }

  /** Under which the broker knows it, with a share or not yet; undefined: it does not. */
  get memberId(): string | undefined {
    return this.#memberId || undefined;
  }

  /** The coordinator has answered within the session: nobody else can have what is this member's. */
  get isHeard(): boolean {
    return this.#session.isHeard;
  }

  /** While it joins it has no generation to speak for: what it would say then waits for the next. */
  async settled(): Promise<void> {
    while (this.#joining) await this.#joining;
  }

  /** Somebody wants something of the group. */
  start(): void {
    if (this.#isClosed) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (!this.#isClosed && this.#parts.isWanted()) this.start();
    });
  }

  /** What is shared, or who asks for a share, has changed. */
  rejoin(): void {
    if (!this.#seat || this.isMoving) return;
    this.#mustRejoin = true;
    this.#wake?.();
  }

  /** Leaves when nobody wants anything any more. */
  look(): void {
    this.#wake?.();
  }

  /** Asks the broker whether it still is a member; one question for all that ask in the same turn. */
  check(): Promise<boolean> {
    if (!this.#checking) {
      const checking = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        this.#checking = undefined;
        return this.#check();
      });
      this.#checking = checking;
    }
    return this.#checking;
  }

  /** What a commit, or anything else, was refused with. @returns whether it says that the seat is lost */
  refused(error: unknown): boolean {
    const code = codeOf(error);
    if (code === REBALANCE) this.rejoin();
    if (!LOST.has(code ?? '')) return false;
    this.#lose();
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { isWanted, onTrouble } = this.#parts;
    for (let failures = 0; !this.#isClosed && isWanted(); ) {
      try {
        await this.#join();
        failures = 0;
        await this.#stay();
      } catch (error) {
        this.isMoving = false;
        if (this.refused(error) || this.#session.suits(error)) continue;
        if (codeOf(error) === REBALANCE) continue;
        onTrouble(error);
        await this.#pause(Math.min(LONGEST_PAUSE_MS, 50 * 2 ** failures++));
      }
    }
    await this.#leave();
  }

  async #join(): Promise<void> {
    this.isMoving = true;
    this.#mustRejoin = false;
    if (this.#seat) await this.#parts.beforeJoin();
    const joining = this.#take();
    const done = () => {
      this.#joining = undefined;
    };
    this.#joining = joining.then(done, done);
    await joining;
    this.isMoving = false;
    this.#parts.onMoved();
  }

  async #take(): Promise<void> {
    const { link, topics, facts, onShare, onAnswer } = this.#parts;
    const before = this.#seat;
    const joined = await link.join({
      memberId: this.#memberId,
      sessionMs: this.#session.ms,
      rebalanceMs: Math.max(this.#session.ms, REBALANCE_MS),
      topics,
      userData: factsText(facts()),
    });
    this.#memberId = joined.memberId;
    const places = await link.sync(joined, joined.members && (await this.#share(joined.members)));
    const isNew = before === undefined || before.memberId !== joined.memberId;
    if (isNew && before) this.#lose();
    this.#memberId = joined.memberId;
    this.#seat = { memberId: joined.memberId, generation: joined.generation };
    this.#session.heard();
    onAnswer();
    await onShare(places, isNew);
  }

  async #share(members: NonNullable<Joined['members']>) {
    const counts = await this.#parts.link.partitions(this.#parts.topics);
    const known: AssignableMember[] = members.map(({ memberId, userData }) => ({ memberId, ...factsOf(userData) }));
    return assign(known, counts);
  }

  /** Until it has to join again, or is wanted no more. */
  async #stay(): Promise<void> {
    const { link, heartbeatMs, isWanted, onAnswer, onTrouble } = this.#parts;
    for (let silentSince: number | undefined; !this.#isClosed && !this.#mustRejoin && isWanted() && this.#seat; ) {
      await this.#pause(Math.min(heartbeatMs, this.#session.ms / 4));
      if (!this.#seat || this.#isClosed) return;
      try {
        await link.heartbeat(this.#seat);
        this.#heard();
        onAnswer();
        silentSince = undefined;
      } catch (error) {
        if (codeOf(error) === REBALANCE) return;
        if (this.refused(error)) return;
        if (!(error instanceof KafkaFailure && error.mayPass)) throw error;
        onTrouble(error);
        silentSince ??= performance.now();
        await this.#pause(50);
      }
    }
  }

  /** What was kept back in doubt goes on. */
  #heard(): void {
    const wasHeard = this.isHeard;
    this.#session.heard();
    if (!wasHeard) this.#parts.onMoved();
  }

  async #check(): Promise<boolean> {
    for (let attempt = 0; this.#seat; attempt++) {
      await this.settled();
      if (!this.#seat) return false;
      try {
        await this.#parts.link.heartbeat(this.#seat);
        return true;
      } catch (error) {
        if (codeOf(error) === REBALANCE) return true;
        if (this.refused(error) || this.#isClosed) return false;
        await this.#pause(Math.min(LONGEST_PAUSE_MS, 50 * 2 ** attempt));
      }
    }
    return false;
  }

  #lose(): void {
    this.#memberId = '';
    if (!this.#seat) return;
    this.#seat = undefined;
    this.#parts.onLost();
    this.#wake?.();
  }

  async #leave(): Promise<void> {
    if (this.#seat) {
      this.isMoving = true;
      await this.#parts.beforeJoin();
      this.isMoving = false;
    }
    const memberId = this.#memberId;
    const generation = this.#seat?.generation ?? -1;
    this.#lose();
    if (memberId !== '') await this.#parts.link.leave({ memberId, generation }).catch(() => undefined);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
