import type { Place } from './kafka-client.js';

/** What a member says of itself when it joins. */
export interface MemberFacts {
  /** It has room for work. One that has none keeps what it holds and gets nothing more. */
  readonly isAsking: boolean;
  /** What it has now, by topic. */
  readonly owned: Readonly<Record<string, readonly number[]>>;
  /** Of that, where deliveries are in hand: it stays, for nobody else could settle them. */
  readonly pinned: Readonly<Record<string, readonly number[]>>;
}

export interface AssignableMember extends MemberFacts {
  readonly memberId: string;
}

/**
 * Who gets which partitions. Where something is in hand it stays; the rest is shared evenly, topic by topic, among those who
 * have room, and moves no more than that takes.
 */
export function assign(
  members: readonly AssignableMember[],
  counts: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly Place[]> {
  const asking = members.filter(({ isAsking }) => isAsking);
  const candidates = asking.length > 0 ? asking : members;
  const shares = new Map<string, Place[]>(members.map(({ memberId }) => [memberId, []]));
  const total = ({ memberId }: AssignableMember) => shares.get(memberId)?.length ?? 0;
  for (const [topic, count] of counts) {
    for (const [memberId, partitions] of shareTopic(topic, count, members, candidates, total)) {
      shares.get(memberId)?.push(...partitions.map((partition) => ({ topic, partition })));
    }
  }
  return shares;
}

function shareTopic(
  topic: string,
  count: number,
  members: readonly AssignableMember[],
  candidates: readonly AssignableMember[],
  total: (member: AssignableMember) => number,
): ReadonlyMap<string, number[]> {
  const shares = new Map<string, number[]>(members.map(({ memberId }) => [memberId, []]));
  const mine = ({ memberId }: AssignableMember) => shares.get(memberId) as number[];
  const left = new Set(Array.from({ length: count }, (_, partition) => partition));
  const give = (member: AssignableMember, partition: number) => {
    if (left.delete(partition)) mine(member).push(partition);
  };
  for (const member of members) for (const partition of member.pinned[topic] ?? []) give(member, partition);
  const targets = new Map(candidates.map((member) => [member, mine(member).length]));
  const target = (member: AssignableMember) => targets.get(member) as number;
  const owned = (member: AssignableMember) => member.owned[topic] ?? [];
  // One after the other to whoever has the least so far; where it does not come out even, to who had the most.
  const isFirst = (a: AssignableMember, b: AssignableMember) =>
    (target(a) - target(b) || owned(b).length - owned(a).length || total(a) - total(b)) <= 0;
  for (let given = 0; given < left.size; given++) {
    const poorest = candidates.reduce((best, member) => (isFirst(best, member) ? best : member));
    targets.set(poorest, target(poorest) + 1);
  }
  const isShort = (member: AssignableMember) => mine(member).length < target(member);
  for (const member of candidates) for (const partition of owned(member)) if (isShort(member)) give(member, partition);
  for (const partition of left) {
    const short = candidates.find(isShort);
    if (short) give(short, partition);
  }
  return shares;
}

export function factsText(facts: MemberFacts): string {
  return JSON.stringify(facts);
}

export function factsOf(text: string): MemberFacts {
  return JSON.parse(text) as MemberFacts;
}

/** By topic, as it travels. */
export function byTopic(places: readonly Place[]): Record<string, number[]> {
  const topics: Record<string, number[]> = {};
  for (const { topic, partition } of places) (topics[topic] ??= []).push(partition);
  return topics;
}
