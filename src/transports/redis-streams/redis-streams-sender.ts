import { randomBytes } from 'node:crypto';
import type { OutgoingMessage } from '../../contracts/transport.js';
import { argumentOf } from '../../redis/redis-body.js';
import type { RedisConnection } from '../../redis/redis-connection.js';
import { RedisFailure } from '../../redis/redis-failure.js';
import { QueueKeys } from '../../redis/redis-keys.js';
import type { Sending } from '../../redis/redis-publisher.js';
import type { Argument } from '../../redis/redis-script.js';
import { FIELD } from './redis-streams-entry.js';
import { add } from './redis-streams-queue-scripts.js';

/** A server that remembers numbers does so for the last hundred of a producer and stream, a hundred seconds long … */
const REMEMBERED = 100;
/** … half of which are for a command that it is slow to read. */
const REPEAT_MS = 50_000;

/** What a publish is known by: told twice, it is done once. */
type Mark = readonly [producer: string, number: string];

/**
 * Appends to streams. What is published in one command has a number, by which a server that can (`XADD … IDMP`, Redis 8.6)
 * knows it again, so that it may be sent again when its answer was lost. To others it is sent without.
 */
export class StreamsSender {
  /** Nobody else ever has this name: what others number alike would be dropped. */
  readonly #producer = randomBytes(12).toString('base64url');
  #last = 0;
  /** Until a server says that it does not. */
  #remembers = true;

  prepare(connection: RedisConnection, queue: string, messages: readonly OutgoingMessage[]): Sending {
    // What is held until later leaves no number behind.
    if (!this.#remembers || !messages.some(isDue)) return { send: () => append(connection, queue, messages) };
    const number = ++this.#last;
    const mark: Mark = [this.#producer, String(number)];
    const from = performance.now();
    let mayBeThere = false;
    return {
      send: async () => {
        try {
          await append(connection, queue, messages, mark);
        } catch (error) {
          if (!(error instanceof RedisFailure)) throw error;
          mayBeThere ||= error.outcome === 'unknown';
          if (mayBeThere || !isTooOld(error)) throw error;
          this.#remembers = false;
          await append(connection, queue, messages);
        }
      },
      mayRepeat: () => this.#remembers && this.#last - number < REMEMBERED && performance.now() - from < REPEAT_MS,
    };
  }
}

/** It takes the word for an id, and has done nothing. */
function isTooOld({ outcome, message }: RedisFailure): boolean {
  return outcome === 'refused' && message.includes('Invalid stream ID');
}

function isDue({ deliverAt }: OutgoingMessage): boolean {
  return deliverAt === undefined;
}

function append(
  connection: RedisConnection,
  queue: string,
  messages: readonly OutgoingMessage[],
  mark?: Mark,
): Promise<unknown> {
  const [first] = messages;
  if (messages.length === 1 && first && isDue(first)) {
    const fields = ['*', FIELD, argumentOf(first.body)] as const;
    return connection.run((client) =>
      mark ? client.xadd(queue, 'IDMP', ...mark, ...fields) : client.xadd(queue, ...fields),
    );
  }
  const { seq, scheduled, scheduledBodies } = new QueueKeys(queue);
  const args: Argument[] = [...(mark ?? ['', ''])];
  for (const { deliverAt = 0, body } of messages) args.push(Math.ceil(deliverAt), argumentOf(body));
  return connection.run((client) => add.run(client, [queue, seq, scheduled, scheduledBodies], args));
}
