import type { RawBroker } from './kafkajs-parts.js';

/** A request in bytes of our own, and what is read of its answer. */
export interface Question<Answer> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  readonly bytes: Buffer;
  readonly read: (answer: Buffer) => Answer | Promise<Answer>;
}

/** What every answer says beside its own: the broker wants no more from this client for so long. */
export interface Throttled {
  readonly clientSideThrottleTime: number;
}

/** Over a connection of kafkajs; as its broker does, whose own way to send is private. */
export async function ask<Answer extends Throttled>(
  broker: RawBroker,
  { name, key, version, bytes, read }: Question<Answer>,
): Promise<Answer> {
  // What kafkajs takes for an encoder of its own.
  const encoder = { buf: bytes, buffer: bytes };
  const request = { apiName: name, apiKey: key, apiVersion: version, encode: () => encoder };
  return (await broker.connectionPool.send({ request, response: { decode: read, parse: same } })) as Answer;
}

function same<Answer>(answer: Answer): Answer {
  return answer;
}
