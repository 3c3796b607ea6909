import { ThrunError } from '../contracts/index.js';
import { jsonProblem } from './json-problem.js';
import { placeIn } from './parse.js';

/**
 * A payload that is JSON already. It leaves exactly as it is written: `12345678901234567890` and `1.10` survive, which
 * a trip through JavaScript's numbers would change. For a whole payload only, not for a part of one.
 */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** @throws {ThrunError} THRUN_PAYLOAD, with the place of what is wrong. */
export function checkedText(event: string, { text }: RawJson): string {
  try {
    JSON.parse(text);
  } catch (error) {
    const { at, what } = jsonProblem(text) ?? { at: 0, what: String(error) };
    throw new ThrunError('THRUN_PAYLOAD', [event, `it is not JSON at ${placeIn(text, at)}: ${what}`], { cause: error });
  }
  // UTF-8 has no half pairs: another character would be sent in its place.
  const half = /\p{Cs}/u.exec(text);
  if (half === null) return text;
  throw new ThrunError('THRUN_PAYLOAD', [
    event,
    `half a surrogate pair at ${placeIn(text, half.index)}; write it as an escape`,
  ]);
}
