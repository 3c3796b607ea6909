/** `*` is any run of characters, also none; everything else is itself. Names and patterns are matched byte for byte. */
export function isPattern(contract: string): boolean {
  return contract.includes('*');
}

export function patternMatcher(pattern: string): (event: string) => boolean {
  if (!isPattern(pattern)) return (event) => event === pattern;
  if (pattern === '*') return () => true;
  const parts = pattern.split(/\*+/);
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  const middle = parts.slice(1, -1);
  // Plain searches instead of a regular expression: linear in the name whatever the pattern is.
  return (event) => {
    if (event.length < first.length + last.length || !event.startsWith(first) || !event.endsWith(last)) return false;
    let at = first.length;
    const end = event.length - last.length;
    for (const part of middle) {
      const found = event.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
