import { ThrunError } from '../../contracts/errors.js';
import type { HistoryPoint } from '../../contracts/history.js';

/** A time, an offset in every partition, or one in one partition alone. */
export type Point =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'offset'; readonly offset: number; readonly partition: number | undefined };

/** @throws {ThrunError} THRUN_INPUT */
export function pointOf(point: HistoryPoint): Point {
  if (typeof point === 'number') return { kind: 'time', ms: point };
  const parts = /^(?:(\d{1,9}):)?(\d{1,15})$/.exec(point);
  if (!parts) {
    throw new ThrunError('THRUN_INPUT', [
      `${JSON.stringify(point)} is no offset: write 42, or 3:42 for the partition 3 alone, or 0.`,
    ]);
  }
  const [, partition, offset] = parts;
  return { kind: 'offset', offset: Number(offset), partition: partition === undefined ? undefined : Number(partition) };
}

/** Whether anything of a partition is meant. */
export function concerns(point: Point | undefined, partition: number): boolean {
  return point?.kind !== 'offset' || point.partition === undefined || point.partition === partition;
}
