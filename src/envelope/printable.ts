/**
 * Foreign text as it may stand in a message for a person: quoted, short, and without the characters that move a
 * terminal's cursor, turn its text round or end a log line.
 */
export function printable(text: string, longest = 60): string {
  // Cut before quoting, so that a megabyte is not escaped for sixty characters.
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return JSON.stringify(shown).replace(/[\p{Cc}\p{Cf}\p{Cs}]|(?! )\p{Z}/gu, escapeOf);
}

/** `U+001B` for a character that cannot be shown as itself. */
export function codePointName(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** What a value is, in words: 'a number', 'null'. Strings and other short values are shown. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  switch (typeof value) {
    case 'string':
      return `the string ${printable(value)}`;
    case 'number':
    case 'boolean':
      return `the ${typeof value} ${String(value)}`;
    case 'object':
      return 'an object';
    case 'function':
      return 'a function';
    default:
      return `a ${typeof value}`;
  }
}

function escapeOf(char: string): string {
  const hex = (char.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}
