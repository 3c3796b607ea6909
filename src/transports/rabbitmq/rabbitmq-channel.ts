import type { Channel, ConsumeMessage, Replies } from 'amqplib';
import type { Link } from './rabbitmq-link.js';

/** A quorum queue gives no more than this to one subscription; a further one gets the next. */
const WIDEST = 2000;

/** Longest wait for what a queue says it has. */
const READING_MS = 10_000;

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

/** So many messages of a queue, or fewer where they do not come. None of them is acknowledged. */
export async function receiveAll(channel: Channel, queue: string, count: number): Promise<ConsumeMessage[]> {
  const messages: ConsumeMessage[] = [];
  await channel.prefetch(WIDEST);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, READING_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    channel.on('close', done);
    const receive = (message: ConsumeMessage | null) => {
      if (!message) return done();
      messages.push(message);
      if (messages.length >= count) done();
      else if (messages.length % WIDEST === 0) subscribe();
    };
    const subscribe = () => void channel.consume(queue, receive).catch(reject);
    subscribe();
  });
  return messages;
}

function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown }).code === 404;
}
