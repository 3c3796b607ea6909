import { codePointName } from './printable.js';

/** What keeps a text from being JSON, and where (in UTF-16 units from its start). */
export interface JsonProblem {
  readonly at: number;
  readonly what: string;
}

type Expected =
  | 'value'
  | 'first element'
  | 'first name'
  | 'name'
  | 'colon'
  | 'more of an array'
  | 'more of an object'
  | 'end';

const EXPECTED_TEXT: Readonly<Record<Expected, string>> = {
  value: 'expected a value',
  'first element': 'expected a value or "]"',
  'first name': 'expected a name in double quotes or "}"',
  name: 'expected a name in double quotes',
  colon: 'expected ":"',
  'more of an array': 'expected "," or "]"',
  'more of an object': 'expected "," or "}"',
  end: 'expected the end of the text',
};

/**
 * Finds the first thing wrong with a text that `JSON.parse` has refused. The engine's own words differ between
 * versions, and often lack the place. Runs on failures only; undefined: nothing is wrong.
 */
export function jsonProblem(text: string): JsonProblem | undefined {
  // A stack of our own: the text may be nested deeper than calls may.
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    at = skipSpace(text, at);
    const char = text[at];
    if (char === undefined)
      return expected === 'end' ? undefined : { at, what: `the text ends here, ${EXPECTED_TEXT[expected]}` };

    if (expected === 'colon') {
      if (char !== ':') return unexpected(text, at, expected);
      at++;
      expected = 'value';
    } else if (expected === 'end') {
      return unexpected(text, at, expected);
    } else if (expected === 'more of an array' || expected === 'more of an object') {
      if (char === ',') expected = expected === 'more of an array' ? 'value' : 'name';
      else if (char === (expected === 'more of an array' ? ']' : '}')) expected = close(open);
      else return unexpected(text, at, expected);
      at++;
    } else if (char === '}' && expected === 'first name') {
      at++;
      expected = close(open);
    } else if (expected === 'first name' || expected === 'name') {
      if (char !== '"') return unexpected(text, at, expected);
      const end = skipString(text, at);
      if (typeof end !== 'number') return end;
      at = end;
      expected = 'colon';
    } else if (char === ']' && expected === 'first element') {
      at++;
      expected = close(open);
    } else if (char === '{' || char === '[') {
      open.push(char);
      at++;
      expected = char === '{' ? 'first name' : 'first element';
    } else {
      const end = skipScalar(text, at);
      if (end === undefined) return unexpected(text, at, expected);
      if (typeof end !== 'number') return end;
      at = end;
      expected = after(open);
    }
  }
}

function close(open: ('{' | '[')[]): Expected {
  open.pop();
  return after(open);
}

function after(open: readonly ('{' | '[')[]): Expected {
  const around = open[open.length - 1];
  return around === undefined ? 'end' : around === '{' ? 'more of an object' : 'more of an array';
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

/** Where the scalar ends; undefined: none starts here. */
function skipScalar(text: string, at: number): number | JsonProblem | undefined {
  if (text[at] === '"') return skipString(text, at);
  for (const word of ['true', 'false', 'null']) {
    if (text.startsWith(word, at)) return at + word.length;
  }
  return skipNumber(text, at);
}

function skipString(text: string, start: number): number | JsonProblem {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) {
      return {
        at,
        what: `a raw control character (${codePointName(text.charAt(at))}) in a string; write it as an escape, \\n or \\u00XX`,
      };
    }
    if (code === 0x5c) {
      const escaped = text.charAt(++at);
      if (escaped === 'u') {
        if (!/^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) {
          return at + 5 > text.length
            ? unfinished(text, start)
            : { at: at - 1, what: 'a broken escape; \\u takes four hex digits' };
        }
        at += 4;
      } else if (escaped !== '' && !'"\\/bfnrt'.includes(escaped)) {
        return { at: at - 1, what: 'an unknown escape; a backslash itself is written as two' };
      }
    }
  }
  return unfinished(text, start);
}

function unfinished(text: string, start: number): JsonProblem {
  return {
    at: text.length,
    what: `the text ends inside the string that began ${text.length - start} characters before; it was cut off`,
  };
}

function skipNumber(text: string, start: number): number | JsonProblem | undefined {
  let at = text[start] === '-' ? start + 1 : start;
  const whole = skipDigits(text, at);
  if (text.startsWith('Infinity', at)) return { at: start, what: 'Infinity, which JSON cannot hold' };
  if (whole === at) return at === start ? undefined : { at: start, what: 'a minus sign without a number' };
  if (text[at] === '0' && whole > at + 1) return { at, what: 'a number with a leading zero' };
  if (text[at] === '0' && (text[whole] === 'x' || text[whole] === 'X')) return { at, what: 'a hexadecimal number' };
  at = whole;
  if (text[at] === '.') {
    const end = skipDigits(text, at + 1);
    if (end === at + 1) return { at, what: 'a decimal point without digits after it' };
    at = end;
  }
  if (text[at] === 'e' || text[at] === 'E') {
    const sign = text[at + 1] === '+' || text[at + 1] === '-' ? 1 : 0;
    const end = skipDigits(text, at + 1 + sign);
    if (end === at + 1 + sign) return { at, what: 'an exponent without digits' };
    at = end;
  }
  return at;
}

function skipDigits(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) >= 0x30 && text.charCodeAt(at) <= 0x39) at++;
  return at;
}

/** Names the mistakes that are made again and again; else what was expected and what is there. */
function unexpected(text: string, at: number, expected: Expected): JsonProblem {
  const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
  const found = (what: string): JsonProblem => ({ at, what });
  if (expected === 'end') return found('more text follows the first value; one message holds one envelope');
  if (char === '\uFEFF') return found('a byte order mark where none may be');
  if (char === "'") return found('a single quote; JSON takes double quotes');
  if (text.startsWith('//', at) || text.startsWith('/*', at) || char === '#')
    return found('a comment, which JSON does not have');
  if ((char === '}' || char === ']') && (expected === 'name' || expected === 'value')) {
    if (text.slice(0, at).trimEnd().endsWith(',')) return found(`a comma before "${char}"`);
  }
  const word = /^[A-Za-z_$][\w$]{0,20}/.exec(text.slice(at, at + 22))?.[0];
  if (word === 'NaN' || word === 'undefined') return found(`${word}, which JSON cannot hold`);
  if (word === 'True' || word === 'False' || word === 'None')
    return found(`${word}, as Python prints it; use json.dumps`);
  const shown = word ?? (/[\p{L}\p{N}\p{P}\p{S}]/u.test(char) ? char : codePointName(char));
  return found(`${EXPECTED_TEXT[expected]}, found ${shown === '"' ? 'a string' : shown}`);
}
