import type { DeadLetter } from '../contracts/dead-letter.js';
import type { PlacedLetter } from './all-dead-letters.js';
import type { Output } from './output.js';
import { table } from './table.js';

/** A dead letter as `--json` prints it. The names are those of the wire. */
export function letterDocument(letter: PlacedLetter) {
  const { id, transport, event, eventId, queue, group, target, reason, error, attempts, publishedAt, diedAt } = letter;
  return {
    id,
    event: event ?? null,
    event_id: eventId ?? null,
    transport,
    queue,
    group,
    listener: target ?? null,
    reason,
    error,
    attempts,
    published_at: timeOf(publishedAt),
    died_at: timeOf(diedAt),
  };
}

export function letterTable(letters: readonly DeadLetter[], output: Output): Promise<string> {
  return table(
    [
      { head: 'ID', align: 'right' },
      { head: 'EVENT' },
      { head: 'LISTENER' },
      { head: 'REASON' },
      { head: 'ATTEMPTS', align: 'right' },
      { head: 'DIED' },
      { head: 'ERROR', cut: true },
    ],
    letters.map(({ id, event = '-', target = '-', reason, attempts, diedAt, error }) => [
      id,
      event,
      target,
      reason,
      String(attempts),
      timeOf(diedAt) ?? '-',
      error.split('\n', 1)[0] ?? '',
    ]),
    output,
  );
}

/** Bytes that are no text: each that is no printable ASCII as `\xff`. */
export function bytesAsText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

/** RFC 3339; null for what is no time, and a transport of one's own may have kept anything. */
function timeOf(ms: number | undefined): string | null {
  return ms !== undefined && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}
