import type { ConsumeOptions, TransportNotice } from '../../contracts/transport.js';
import { Member, type MemberParts } from './kafka-member.js';

interface Shared {
  readonly member: Member;
  /** Of the consumers that have it now. */
  readonly notices: Set<ConsumeOptions['onNotice']>;
}

/**
 * Consumers of one queue and group in one process are one member of the group: opening and closing them moves no partition.
 * A member without consumers rests, which costs nothing, until the transport is closed.
 */
export class Members {
  readonly #parts: MemberParts;
  readonly #all = new Map<string, Shared>();

  constructor(parts: MemberParts) {
    this.#parts = parts;
  }

  of({ queue, group, visibilityMs, onNotice }: ConsumeOptions, topics: readonly string[], renew: () => Promise<void>) {
    const key = JSON.stringify([queue, group, visibilityMs]);
    const shared = this.#all.get(key) ?? this.#make({ queue, group, visibilityMs, topics, renew });
    this.#all.set(key, shared);
    shared.notices.add(onNotice);
    return { member: shared.member, leave: () => void shared.notices.delete(onNotice) };
  }

  get all(): readonly Member[] {
    return [...this.#all.values()].map(({ member }) => member);
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((member) => member.close()));
  }

  #make(options: {
    readonly queue: string;
    readonly group: string;
    readonly visibilityMs: number;
    readonly topics: readonly string[];
    readonly renew: () => Promise<void>;
  }): Shared {
    const notices = new Set<ConsumeOptions['onNotice']>();
    const onNotice = (notice: TransportNotice) => {
      for (const tell of notices) tell(notice);
    };
    return { member: new Member({ ...options, onNotice }, this.#parts), notices };
  }
}
