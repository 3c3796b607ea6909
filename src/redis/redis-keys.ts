/** The part of a key that Redis Cluster hashes, where it has one: between the first `{` and the next `}`. */
const TAG = /\{[^}]+\}/;

/**
 * The names of everything kept for one queue. All lie in the slot of the key that foreign programs use, which is the
 * queue's plain name, so that one script may touch them all.
 */
export class QueueKeys {
  readonly queue: string;
  /** The last number that was given to a message here. */
  readonly seq: string;
  /** zset: number → when it is due, ms. First deliveries that have a time of their own. */
  readonly scheduled: string;
  /** hash: number → bytes */
  readonly scheduledBodies: string;
  /** hash: group → `1` it consumes, `0` something was handed over to it */
  readonly groups: string;
  /** zset: time → how many had been pushed by then. Tells how old the oldest is, in a list that knows no times. */
  readonly marks: string;
  readonly popped: string;
  /** hash: number → what is known of a dead letter, as JSON */
  readonly dead: string;
  /** hash: number → bytes */
  readonly deadBodies: string;

  readonly #prefix: string;

  constructor(queue: string) {
    this.queue = queue;
    this.#prefix = TAG.test(queue) ? queue : `{${queue}}`;
    this.seq = this.#of('seq');
    this.scheduled = this.#of('scheduled');
    this.scheduledBodies = this.#of('scheduled:bodies');
    this.groups = this.#of('groups');
    this.marks = this.#of('marks');
    this.popped = this.#of('popped');
    this.dead = this.#of('dead');
    this.deadBodies = this.#of('dead:bodies');
  }

  group(name: string): GroupKeys {
    const of = (what: string) => this.#of(`group:${name}:${what}`);
    return {
      leases: of('leases'),
      held: of('held'),
      done: of('done'),
      due: of('due'),
      parcels: of('parcels'),
      graves: of('dead'),
      consumers: of('consumers'),
    };
  }

  #of(what: string): string {
    return `${this.#prefix}:${what}`;
  }
}

/** What one group has of one queue. */
export interface GroupKeys {
  /** zset: token of a claim → when it runs out, ms of Redis's clock */
  readonly leases: string;
  /** hash: token → what was claimed, packed */
  readonly held: string;
  /** hash: token → one bit for each message that is settled; none yet: absent */
  readonly done: string;
  /** zset: number of a parcel → when it is due, ms */
  readonly due: string;
  /** hash: number → parcel, packed */
  readonly parcels: string;
  /** zset: number of a dead letter → when it died, ms */
  readonly graves: string;
  /** zset: consumer of a stream → until when it is believed to live, ms */
  readonly consumers: string;
}
