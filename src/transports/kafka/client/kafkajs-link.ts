import type { Socket } from 'node:net';
import { Connection, ConnectionError, type ConnectionPrototype } from './kafkajs-parts.js';
import { isOurs } from './kafkajs-sockets.js';

/** An answer begins with its length. */
const LENGTH_BYTES = 4;

/** Those that are being made; and how each ends that is there or being made. */
const making = new WeakMap<ConnectionPrototype, Promise<true>>();
const ends = new WeakMap<ConnectionPrototype, (error: Error) => void>();

let isMended = false;

/**
 * kafkajs puts what had come of an answer when a connection broke before the first answer of the next one: that throws where
 * nobody catches, which ends the process, or waits for bytes that never come. Where several ask at once it makes a socket for
 * each. And it lets go of a connection when all answers are there, and asks on meanwhile. Mended, a connection has one socket,
 * whose events concern it alone; it begins with nothing, and ends at once, with all that was asked there.
 */
export function mendLink(): void {
  if (isMended) return;
  isMended = true;
  const { connect, disconnect } = Connection.prototype;
  Connection.prototype.connect = function (this: ConnectionPrototype): Promise<true> {
    if (!isOurs(this.socketFactory)) return connect.call(this);
    if (this.isConnected()) return Promise.resolve(true);
    const before = making.get(this);
    if (before) return before;
    const made = make(this).finally(() => making.delete(this));
    making.set(this, made);
    return made;
  };
  Connection.prototype.disconnect = async function (this: ConnectionPrototype): Promise<true> {
    if (!isOurs(this.socketFactory)) return disconnect.call(this);
    ends.get(this)?.(new ConnectionError('Connection closed'));
    return true;
  };
}

function make(connection: ConnectionPrototype): Promise<true> {
  const { host, port, ssl, socketFactory, connectionTimeout } = connection;
  return new Promise((resolve, reject) => {
    let socket: Socket | undefined;
    const failed = (what: string, code?: string) => end(new ConnectionError(what, { code }));
    const timer = setTimeout(() => failed('Connection timeout'), connectionTimeout);
    const end = (error: Error) => {
      if (ends.get(connection) !== end) return;
      ends.delete(connection);
      clearTimeout(timer);
      socket?.destroy();
      lose(connection, error);
      reject(error);
    };
    ends.set(connection, end);
    const onConnect = () => {
      clearTimeout(timer);
      connection.connectionStatus = 'connected';
      connection.requestQueue.scheduleRequestTimeoutCheck();
      resolve(true);
    };
    try {
      socket = socketFactory({ host, port, ssl, onConnect });
    } catch (error) {
      return failed(`Failed to connect: ${(error as Error).message}`);
    }
    begin(connection, socket);
    socket.on('data', (bytes: Buffer) => {
      try {
        connection.processData(bytes);
      } catch (error) {
        failed(`What answers is no broker of Kafka: ${(error as Error).message}`);
      }
    });
    socket.on('error', ({ message, code }: NodeJS.ErrnoException) => failed(`Connection error: ${message}`, code));
    for (const over of ['end', 'close']) socket.on(over, () => failed('Connection closed'));
  });
}

function begin(connection: ConnectionPrototype, socket: Socket): void {
  connection.socket = socket;
  connection.authenticatedAt = null;
  connection.chunks = [];
  connection.bytesBuffered = 0;
  connection.bytesNeeded = LENGTH_BYTES;
}

function lose(connection: ConnectionPrototype, error: Error): void {
  connection.connectionStatus = 'disconnected';
  connection.authenticatedAt = null;
  connection.authHandlers?.onError();
  connection.requestQueue.destroy();
  connection.requestQueue.rejectAll(error);
}
