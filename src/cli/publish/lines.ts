const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** One line of a file, without its end. */
export interface Line {
  /** From 1, blank ones counted. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** It goes on beyond what fits; `bytes` is its beginning. */
  readonly cut: boolean;
  /** Bytes read so far, its end included. */
  readonly readSoFar: number;
}

/**
 * The lines of a stream of bytes that are not blank. Ended by LF or CRLF; the last one need not be ended. A byte order
 * mark at the very beginning belongs to the file and to no line. No line is held beyond `longest` bytes.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<Line> {
  let pending: Uint8Array = new Uint8Array();
  let number = 0;
  let read = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = joined(pending, chunk.subarray(from, end));
      pending = new Uint8Array();
      from = end + 1;
      number++;
      const bytes = trimmed(line, number);
      if (bytes) yield { number, bytes, cut: bytes.byteLength > longest, readSoFar: read + from };
    }
    read += chunk.byteLength;
    pending = joined(pending, chunk.subarray(from));
    // One more than fits for the CR that may end it, and for a mark in front.
    if (pending.byteLength > longest + 4) {
      yield { number: number + 1, bytes: pending, cut: true, readSoFar: read };
      return;
    }
  }
  const bytes = trimmed(pending, number + 1);
  if (bytes) yield { number: number + 1, bytes, cut: bytes.byteLength > longest, readSoFar: read };
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  // A copy also where there is no head: the chunk's memory may be used again.
  return Buffer.concat([head, tail]);
}

/** The line without its CR; undefined: it is blank. */
function trimmed(line: Uint8Array, number: number): Uint8Array | undefined {
  const start = number === 1 && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? 3 : 0;
  const end = line[line.byteLength - 1] === RETURN ? line.byteLength - 1 : line.byteLength;
  const bytes = line.subarray(start, end);
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === RETURN) ? undefined : bytes;
}
