import { Connection, type ConnectionPrototype } from './kafkajs-parts.js';

let isMended = false;

/**
 * A request that is not answered in time fails in kafkajs, and the next one goes into the same connection: where the link is
 * half-open that is so for as long as the kernel believes in it, a quarter of an hour. Mended, the connection ends with the
 * request, and the next one makes a new one.
 */
export function mendHalfOpen(): void {
  if (isMended) return;
  isMended = true;
  const { send } = Connection.prototype;
  Connection.prototype.send = async function (this: ConnectionPrototype, request: unknown): Promise<unknown> {
    const { socket } = this;
    try {
      return await send.call(this, request);
    } catch (error) {
      if (error instanceof Error && error.name === 'KafkaJSRequestTimeoutError') socket?.destroy(error);
      throw error;
    }
  };
}
