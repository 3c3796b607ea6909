import { isAscii } from 'node:buffer';

/**
 * A body as the client sends it in the fewest steps: with nothing but texts a command is one text, else it is put together of
 * bytes, piece by piece. Of ASCII both are the same bytes.
 */
export function argumentOf(body: Uint8Array): string | Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return isAscii(bytes) ? bytes.toString('latin1') : bytes;
}
