import { createHash } from 'node:crypto';

/** Kafka takes 249 characters for a topic: so many of the queue, what kind it is, and so many of the group. */
const LONGEST_QUEUE = 115;
const LONGEST_GROUP = 100;

/** What no name of ours contains unescaped. */
const OURS = '.thrun-';

/** Kinds of topics beside a queue's own. */
export interface GroupTopics {
  /** Retries, and what was forwarded from another queue. */
  readonly again: string;
  /** Retries that are not due: one partition for each rung of the ladder. */
  readonly wait: string;
  readonly dead: string;
}

/** A queue is a topic of the same name, as far as Kafka's names allow. */
export function topicName(queue: string): string {
  return escaped(queue, LONGEST_QUEUE);
}

/** First deliveries that are not due, for every group. */
export function waitTopic(queue: string): string {
  return `${topicName(queue)}${OURS}wait`;
}

export function groupTopics(queue: string, group: string): GroupTopics {
  const name = (kind: string) => `${topicName(queue)}${OURS}${kind}.${escaped(group, LONGEST_GROUP)}`;
  return { again: name('again'), wait: name('wait'), dead: name('dead') };
}

/** Each queue of an application is a consumer group of its own: what happens to one does not interrupt the others. */
export function groupId(queue: string, group: string): string {
  return `${partOf(group)}@${partOf(queue)}`;
}

/** The group's name, where it is one of ours and consumes this queue. */
export function groupOf(id: string, queue: string): string | undefined {
  const [group, of, ...more] = id.split('@');
  if (group === undefined || of !== partOf(queue) || more.length > 0) return undefined;
  return group.replaceAll('%40', '@').replaceAll('%25', '%');
}

function partOf(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('@', '%40');
}

export interface TopicRole {
  readonly queue: string;
  /** Undefined: everybody's. */
  readonly group: string | undefined;
  readonly kind: 'main' | 'wait' | 'again' | 'dead';
}

/** Nobody but thrun writes there, so what its headers say is believed. */
export function isOurs(topic: string): boolean {
  const at = topic.indexOf(OURS);
  return at >= 0 && topic.includes('.', at + OURS.length);
}

/** What a topic is for. Names that were too long cannot be read back: they are called by what is left of them. */
export function roleOf(topic: string): TopicRole {
  const at = topic.indexOf(OURS);
  if (at < 0) return { queue: unescaped(topic), group: undefined, kind: 'main' };
  const queue = unescaped(topic.slice(0, at));
  const [kind = '', ...group] = topic.slice(at + OURS.length).split('.');
  if (group.length === 0) return { queue, group: undefined, kind: 'wait' };
  return { queue, group: unescaped(group.join('.')), kind: kind as TopicRole['kind'] };
}

/** Letters, digits, `.`, `_` and `-` as they are; any other byte as `-x` and two digits; what is too long is cut. */
function escaped(name: string, longest: number): string {
  if (/^\.\.?$/.test(name)) return name.replaceAll('.', '-x2e');
  const whole = name
    .replace(/-(?=x[\da-f]{2})/g, '-x2d')
    .replaceAll(OURS, '-x2ethrun-')
    .replace(/[^\w.-]/gu, (char) =>
      [...Buffer.from(char)].map((byte) => `-x${byte.toString(16).padStart(2, '0')}`).join(''),
    );
  if (whole.length <= longest) return whole;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `${whole.slice(0, longest - hash.length - 2)}-h${hash}`;
}

function unescaped(name: string): string {
  return name.replace(/(?:-x[\da-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('-x', ''), 'hex').toString());
}
