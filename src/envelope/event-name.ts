import { codePointName, kindOf } from './printable.js';

/** Room in the narrowest place a name has to fit: a routing key of AMQP. */
const LONGEST_NAME = 255;
/** UTF-16 units that cannot be more than LONGEST_NAME bytes of UTF-8, whatever they are. */
const SURELY_SHORT = LONGEST_NAME / 3;

/**
 * White space, `*`, and what cannot be seen or is no character: control characters (Cc), formatting characters such as
 * zero-width and bidirectional ones (Cf), lone surrogates (Cs). Names that look alike must be alike, and a name in a
 * log or a terminal must be nothing but a name.
 */
const FORBIDDEN = /[\s\p{Z}\p{Cc}\p{Cf}\p{Cs}*]/u;
/** The same, asked the other way round: one look at each character and no match to build. */
const VALID = /^[^\s\p{Z}\p{Cc}\p{Cf}\p{Cs}*]+$/u;
/** Nearly all are. Knowing whole Unicode takes an expression a millisecond to begin with. */
const VALID_ASCII = /^[!-)+-~]+$/;

/**
 * Why `name` cannot be the name of an event or a job; undefined when it can. Reads as the end of
 * "The event name … is not valid: …". Not cached: the expression is as quick as looking the name up would be.
 */
export function eventNameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return `it must be a string, and is ${kindOf(name)}`;
  // Length first: nobody wants an expression to walk through a megabyte.
  if (name.length > SURELY_SHORT) {
    const bytes = Buffer.byteLength(name);
    if (bytes > LONGEST_NAME) return `it is ${bytes} bytes of UTF-8, the most is ${LONGEST_NAME}`;
  }
  if (VALID_ASCII.test(name) || VALID.test(name)) return undefined;
  return name === ''
    ? 'it is empty'
    : `${describe(name)}; use printable characters without spaces, for instance order_created`;
}

function describe(name: string): string {
  const found = FORBIDDEN.exec(name);
  if (found === null) return 'it has a character that is not allowed';
  const [char] = found;
  const where = `at position ${found.index + 1}`;
  if (char === '*') return `it holds "*" ${where}, which stands for patterns of listeners only`;
  if (/\p{Cs}/u.test(char)) return `it holds half a surrogate pair (${codePointName(char)}) ${where}`;
  if (/\s|\p{Z}/u.test(char)) return `it holds white space (${codePointName(char)}) ${where}`;
  return `it holds the invisible character ${codePointName(char)} ${where}`;
}
