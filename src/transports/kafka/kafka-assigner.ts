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
  // Those with the most keep one more than the others where it does not come out even.
  const owners = [...candidates].sort((a, b) => (b.owned[topic]?.length ?? 0) - (a.owned[topic]?.length ?? 0));
  const elsewhere = members.filter((member) => !candidates.includes(member)).flatMap(mine).length;
  const least = Math.floor((count - elsewhere) / candidates.length);
  let more = (count - elsewhere) % candidates.length;
  for (const member of owners) {
    for (const partition of member.owned[topic] ?? []) {
      const has = mine(member).length;
      if (has >= least + (more > 0 ? 1 : 0)) break;
      if (has >= least && left.has(partition)) more--;
      give(member, partition);
    }
  }
  for (const partition of left) {
    const [poorest] = [...candidates].sort((a, b) => mine(a).length - mine(b).length || total(a) - total(b));
    if (poorest) give(poorest, partition);
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
