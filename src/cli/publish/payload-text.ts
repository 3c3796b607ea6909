import { ThrunError } from '../../contracts/errors.js';
import type { Limits } from '../../envelope/index.js';
import { utf8Text } from '../../envelope/utf8.js';
import type { Cli } from '../cli.js';
import { openInput, readAll } from './read-input.js';

/** The payload in a file, or on stdin (`-`): as it was written, without a byte order mark. */
export async function payloadText({ output }: Cli, from: string, limits: Limits): Promise<string> {
  if (from === '-' && process.stdin.isTTY) output.note('Reading the payload from the terminal; Ctrl-D ends it.');
  const input = await openInput(from);
  const text = utf8Text(await readAll(input, limits.maxBytes));
  if (text === undefined) throw new ThrunError('THRUN_INPUT', [`The payload from ${input.name} is not UTF-8.`]);
  if (text.trim() === '')
    throw new ThrunError('THRUN_INPUT', [`The payload from ${input.name} is empty. Send {} for none.`]);
  return text.trim();
}

/** What a shell leaves of `{"id":1}`. */
export function unquoted(json: string | undefined): boolean {
  return json !== undefined && /^\s*\{[^"]+\}\s*$/.test(json);
}
