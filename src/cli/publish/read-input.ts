import { createReadStream, fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ThrunError } from '../../contracts/errors.js';

/** Where the bytes to publish come from. */
export interface Input {
  /** For people: `file orders.ndjson`, `stdin`. */
  readonly name: string;
  /** How many bytes there are; undefined where only the end will tell. */
  readonly size: number | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Ends the reading, also where it waits. */
  readonly stop: () => void;
}

/** @param told how the file was named, for messages. @throws {ThrunError} THRUN_INPUT for a file that is none, or cannot be read */
export async function openInput(file: string, told = `--file ${file}`): Promise<Input> {
  if (file === '-') return standardInput();
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const stats = await handle.stat();
    if (stats.isDirectory()) throw new Error('it is a directory');
    const chunks = createReadStream('', { fd: handle, highWaterMark: 256 * 1024 });
    // A pipe or a device has a size of 0, whatever comes out of it.
    const size = stats.isFile() ? stats.size : undefined;
    return { name: `file ${file}`, size, chunks, stop: () => chunks.destroy() };
  } catch (cause) {
    await handle?.close();
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ThrunError('THRUN_INPUT', [`${told}: ${missing ? 'there is no such file' : (cause as Error).message}.`], {
      cause,
    });
  }
}

function standardInput(): Input {
  const chunks = process.stdin;
  return { name: 'stdin', size: sizeOfStdin(), chunks, stop: () => chunks.destroy() };
}

/** `thrun publish --ndjson - < file` has an end that is known. */
function sizeOfStdin(): number | undefined {
  try {
    const stats = fstatSync(0);
    return stats.isFile() ? stats.size : undefined;
  } catch {
    return undefined;
  }
}

/** Everything, but no more than `most` bytes: beyond that it is refused, and need not be read. */
export async function readAll(
  { name, chunks }: Input,
  most: number,
  advice = 'Send a reference to the data in place of the data, or raise limits.payloadBytes.',
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.byteLength;
    if (length > most) {
      throw new ThrunError('THRUN_INPUT', [
        `What comes from ${name} is larger than the limit of ${most} bytes. ${advice}`,
      ]);
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
