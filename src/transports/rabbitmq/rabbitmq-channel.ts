import type { Channel, Replies } from 'amqplib';
import type { Link } from './rabbitmq-link.js';

/** What a queue says of itself; undefined: there is no such queue. */
export async function lookAt(link: Link, queue: string): Promise<Replies.AssertQueue | undefined> {
  const channel = await link.channel();
  try {
    const seen = await channel.checkQueue(queue);
    await closeChannel(channel);
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

/** Resolves when it is closed. amqplib's own promise never does when the connection ends in the meantime. */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once('close', resolve);
    // It was closed already, or is being closed.
    channel.close().catch(() => {
      channel.off('close', resolve);
      resolve();
    });
  });
}

/** Does something on a channel of its own. What was received there and not acknowledged goes back. */
export async function onChannel<Result>(link: Link, work: (channel: Channel) => Promise<Result>): Promise<Result> {
  const channel = await link.channel();
  try {
    return await work(channel);
  } finally {
    await closeChannel(channel);
  }
}

function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown }).code === 404;
}
