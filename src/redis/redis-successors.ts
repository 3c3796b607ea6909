import type { Dead, Postponed } from '../contracts/delivery.js';
import type { RedisDelivery } from './redis-delivery.js';
import type { Argument } from './redis-script.js';

/** What is known of a dead letter beside its bytes and the time of its death, as it is kept: JSON. */
export interface DeadFacts {
  readonly group: string;
  readonly message: string;
  readonly target?: string;
  readonly reason: Dead['reason'];
  readonly error: string;
  readonly attempts: number;
  readonly event?: string;
  readonly eventId?: string;
  readonly publishedAt?: number;
}

/** The successors that stay in this queue, as the common part's `settle` takes them: their number, then each. */
export function parcelsOf(delivery: RedisDelivery, queue: string, group: string): Argument[] {
  const { settlement } = delivery;
  if (settlement === 'release') return [1, 'parcel', ...released(delivery)];
  if (typeof settlement !== 'object') return [0];
  const here = settlement.filter((next) => next.kind === 'dead' || (next.queue ?? queue) === queue);
  const args: Argument[] = [here.length];
  for (const next of here) {
    if (next.kind === 'postponed') args.push('parcel', '', ...postponed(delivery, next));
    else args.push('dead', JSON.stringify(factsOf(delivery, next, group)), delivery.body);
  }
  return args;
}

/**
 * Those that go to another queue, by its name: id and the rest of each. The id is the same each time this is asked, so
 * that what is sent twice arrives once.
 */
export function parcelsElsewhere(delivery: RedisDelivery, queue: string): Map<string, Argument[]> {
  const elsewhere = new Map<string, Argument[]>();
  if (typeof delivery.settlement !== 'object') return elsewhere;
  for (const [n, next] of delivery.settlement.entries()) {
    if (next.kind !== 'postponed' || next.queue === undefined || next.queue === queue) continue;
    const args = elsewhere.get(next.queue) ?? [];
    const origin = delivery.lease ? `${delivery.lease.token}.${delivery.index}` : delivery.id;
    args.push(`${origin}.${n}`, ...postponed(delivery, next));
    elsewhere.set(next.queue, args);
  }
  return elsewhere;
}

/** The receipt does not count, and nothing was crashed. It keeps its number, and with that its place. */
function released(delivery: RedisDelivery): Argument[] {
  const { number, attempt, crashes } = delivery;
  const id = typeof number === 'number' ? String(number).padStart(16, '0') : '';
  return [id, 0, attempt - 1, crashes, ...lasting(delivery, delivery.target)];
}

function postponed(delivery: RedisDelivery, next: Postponed): Argument[] {
  return [Math.max(0, Math.ceil(next.delayMs)), next.attempts, next.crashes, ...lasting(delivery, next.target)];
}

/** What a message keeps over all its deliveries, behind the listener that this one is for. */
function lasting({ id, publishedAt, body }: RedisDelivery, target: string | undefined): Argument[] {
  return [target ?? '', id, publishedAt ?? '', body];
}

function factsOf(delivery: RedisDelivery, dead: Dead, group: string): DeadFacts {
  const { target, reason, error, attempts, event, eventId } = dead;
  const { id: message, publishedAt } = delivery;
  return {
    group,
    message,
    reason,
    error,
    attempts,
    ...(target !== undefined && { target }),
    ...(event !== undefined && { event }),
    ...(eventId !== undefined && { eventId }),
    ...(publishedAt !== undefined && { publishedAt }),
  };
}
