import { createHash } from 'node:crypto';
import type { Message } from 'amqplib';
import type { DeadLetter, DeathReason } from '../../contracts/dead-letter.js';
import { idOf, timeOf } from './rabbitmq-delivery.js';
import { OWN, text, whole } from './rabbitmq-headers.js';

/** What the broker writes down when it buries a message by itself. */
interface BrokersDeath {
  readonly reason?: unknown;
  readonly count?: unknown;
  readonly time?: { readonly value?: unknown };
}

/** A message of a dead queue as a dead letter. */
export function letterOf(message: Message, queue: string, group: string): DeadLetter {
  const headers = message.properties.headers ?? {};
  const letter = text(headers[OWN.letter]);
  const common = { queue, group, publishedAt: timeOf(message.properties.timestamp), body: message.content };
  if (letter === undefined) return { ...common, ...brokersDeath(message) };
  return {
    ...common,
    id: letter,
    target: text(headers[OWN.target]),
    reason: (text(headers[OWN.reason]) ?? 'gave_up') as DeathReason,
    error: text(headers[OWN.error]) ?? '',
    attempts: whole(headers[OWN.attempts]) ?? 0,
    event: text(headers[OWN.event]),
    eventId: text(headers[OWN.eventId]),
    diedAt: whole(headers[OWN.diedAt]) ?? 0,
  };
}

function brokersDeath(message: Message) {
  const headers: Readonly<Record<string, unknown>> = message.properties.headers ?? {};
  const deaths: unknown = headers['x-death'];
  const death = ((Array.isArray(deaths) ? deaths[0] : undefined) ?? {}) as BrokersDeath;
  const isExpired = death.reason === 'expired';
  return {
    id: createHash('sha256')
      .update(`${idOf(message)}\n${JSON.stringify(deaths ?? '')}`)
      .digest('hex')
      .slice(0, 20),
    target: text(headers[OWN.target]),
    reason: (isExpired ? 'expired' : 'crashed_worker') as DeathReason,
    error: isExpired
      ? 'RabbitMQ let it expire: its publisher gave it an expiration, which ended before a worker was free.'
      : `RabbitMQ gave it up (${String(death.reason ?? 'unknown')}): so many workers died or lost their link with it.`,
    attempts: (whole(headers[OWN.attempts]) ?? 0) + (whole(headers['x-delivery-count']) ?? 0),
    event: text(headers[OWN.event]),
    eventId: undefined,
    diedAt: timeOf(death.time?.value) ?? 0,
  };
}
