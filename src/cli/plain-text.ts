/**
 * What a terminal obeys or hides instead of showing: control characters (ESC and its kin), formatting characters such
 * as bidirectional and zero-width ones, half surrogate pairs, separators that start a new line, and fillers.
 */
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text that others chose (event names, ids, errors, file names) as one line that does nothing but be read. */
export function plain(text: string): string {
  return text.replace(UNSHOWABLE, escaped);
}

/** The same for text of our own making that runs over several lines. */
export function plainLines(text: string): string {
  return text.replace(UNSHOWABLE, (char) => (char === '\n' ? char : escaped(char)));
}

/**
 * The value as JSON that reads the same to a program and does nothing to a terminal. JSON itself escapes only part of
 * what a terminal obeys.
 */
export function plainJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replace(UNSHOWABLE, jsonEscaped);
}

function escaped(char: string): string {
  return SHORT[char] ?? `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

function jsonEscaped(char: string): string {
  let units = '';
  for (let at = 0; at < char.length; at++) units += `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`;
  return units;
}
