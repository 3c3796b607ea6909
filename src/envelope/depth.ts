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
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

function scan(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (++depth > maxDepth) return true;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--;
  }
  return false;
}
