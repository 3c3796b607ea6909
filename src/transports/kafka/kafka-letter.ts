import type { DeadLetter, DeathReason } from '../../contracts/dead-letter.js';
import type { KafkaRecord, Place } from './kafka-client.js';
import { timeOf } from './kafka-delivery.js';
import { OWN, textIn, wholeIn } from './kafka-headers.js';
import { roleOf } from './kafka-names.js';

/** A record of a dead topic as a dead letter. */
export function letterOf(record: KafkaRecord, place: Place): DeadLetter {
  const { queue, group = '' } = roleOf(place.topic);
  const { headers, key, value, timestamp } = record;
  return {
    id: key?.toString() ?? '',
    queue,
    group,
    target: textIn(headers, OWN.target),
    reason: (textIn(headers, OWN.reason) ?? 'gave_up') as DeathReason,
    error: textIn(headers, OWN.error) ?? '',
    attempts: wholeIn(headers, OWN.attempts) ?? 0,
    event: textIn(headers, OWN.event),
    eventId: textIn(headers, OWN.eventId),
    publishedAt: timeOf(record, place),
    diedAt: wholeIn(headers, OWN.diedAt) ?? timestamp,
    body: value ?? Buffer.alloc(0),
  };
}
