/**
 * How deep a JSON text is nested, asked before it is parsed. The parser takes a million levels, but everything that
 * walks the result later (writing it out again, comparing, printing) fails at some ten thousand; such a message must
 * not get that far.
 */
export function isDeeperThan(text: string, maxDepth: number): boolean {
  // Each level is opened and closed, so a short text cannot be deep. One that is never closed is no JSON anyway.
  if (text.length <= 2 * maxDepth) return false;
  return hasMoreBrackets(text, maxDepth) && scan(text, maxDepth);
}

/** Few brackets in all cannot nest deep. Jumping from one to the next is far quicker than looking at each character. */
function hasMoreBrackets(text: string, max: number): boolean {
  let left = max;
  for (const bracket of '{[') {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      if (--left < 0) return true;
    }
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function scan(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (at === -1) return false;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}

/** The closing quote: the first that an even number of backslashes precedes. */
function endOfString(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end === -1) return -1;
    let before = end;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end;
  }
}
