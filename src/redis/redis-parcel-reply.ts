import { Bodies, RedisDelivery, type Settler } from './redis-delivery.js';
import type { Lease } from './redis-lease.js';

/** A claimed parcel in a reply: id, attempts, crashes, target, message, publishedAt, body (or the fields of an entry). */
export type Parcel = [Buffer, number, number, Buffer, Buffer, Buffer, Buffer | Buffer[]];

export const PARCEL_FIELDS = 7;

/** The parcels that a reply begins with. */
export function* parcelsIn(reply: readonly unknown[], count: number): Generator<Parcel> {
  for (let at = 0; at < count * PARCEL_FIELDS; at += PARCEL_FIELDS) yield reply.slice(at, at + PARCEL_FIELDS) as Parcel;
}

export function deliver(
  [id, attempt, crashes, target, message, publishedAt, body]: Parcel,
  settler: Settler,
  lease: Lease,
  index: number,
  bodyOf: (fields: Buffer[]) => Buffer = ([only]) => only as Buffer,
): RedisDelivery {
  const bytes = Array.isArray(body) ? bodyOf(body) : body;
  return new RedisDelivery(
    settler,
    message.length > 0 ? String(message) : Number(id),
    lease,
    index,
    new Bodies(bytes),
    0,
    bytes.length,
    publishedAt.length > 0 ? Number(publishedAt) : undefined,
    attempt,
    crashes,
    target.length > 0 ? String(target) : undefined,
  );
}
