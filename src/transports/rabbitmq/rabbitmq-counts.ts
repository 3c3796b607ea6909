import type { Channel, Replies } from 'amqplib';
import type { Link } from './rabbitmq-link.js';

/** What a queue says of itself; undefined: there is no such queue. */
export async function lookAt(link: Link, queue: string): Promise<Replies.AssertQueue | undefined> {
  const channel = await link.channel();
  try {
    const seen = await channel.checkQueue(queue);
    await channel.close();
    return seen;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Messages that are ready. */
export async function readyIn(link: Link, queue: string): Promise<number> {
  return (await lookAt(link, queue))?.messageCount ?? 0;
}

/** Does something on a channel of its own, which goes back what was not acknowledged. */
export async function onChannel<Result>(link: Link, work: (channel: Channel) => Promise<Result>): Promise<Result> {
  const channel = await link.channel();
  try {
    return await work(channel);
  } finally {
    await channel.close().catch(() => undefined);
  }
}

export function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown }).code === 404;
}
