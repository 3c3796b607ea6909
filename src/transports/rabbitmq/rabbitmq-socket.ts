import type { Channel, ChannelModel } from 'amqplib';

/** What amqplib does not speak of. Nothing depends on its being there. */
interface Socket {
  readonly writableCorked: number;
  readonly writableEnded: boolean;
  cork(): void;
  uncork(): void;
  destroy(): void;
}

export function socketOf({ connection }: Pick<ChannelModel | Channel, 'connection'>): Socket | undefined {
  return (connection as { stream?: Socket }).stream;
}

/**
 * Its connection is over. Where the broker says goodbye in the same read as it gives an answer, that is before whoever waits for
 * the answer could listen for the end.
 */
export function hasEnded(channel: Pick<ChannelModel | Channel, 'connection'>): boolean {
  return socketOf(channel)?.writableEnded === true;
}

/**
 * What was just written to the channel, and is written until the end of this turn of the event loop, leaves in one piece.
 * amqplib hands each frame to the socket by itself, and each is a call of the system and often a packet.
 */
export function gather(channel: Channel): void {
  const socket = socketOf(channel);
  if (!socket || socket.writableCorked > 0) return;
  socket.cork();
  // Behind amqplib, which hands over in an immediate that it asks for in the next tick.
  process.nextTick(() => setImmediate(() => socket.uncork()));
}
