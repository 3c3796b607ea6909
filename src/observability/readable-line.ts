/** What every line has, and what its words say already. */
const SAID = new Set(['level', 'time', 'pid', 'msg', 'kind', 'stack']);
const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

/** What a terminal obeys or hides instead of showing. */
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * One of the logger's JSON lines for a person at a terminal:
 * `18:03:12 warn  [4711] order_created failed in Till, trying again  attempt=1 error="Error: closed"`.
 * Anything else is passed on as it is.
 */
export function readableLine(json: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const { level, time, pid, msg, stack } = fields;
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const head = `${clock} ${(LEVELS[Number(level)] ?? String(level)).padEnd(5)} [${String(pid)}] ${shown(String(msg ?? ''))}`;
  const rest = Object.entries(fields)
    .filter(([name]) => !SAID.has(name))
    .map(([name, value]) => ` ${shown(name)}=${shown(JSON.stringify(value))}`);
  const trace = typeof stack === 'string' ? `\n${stack.split('\n').map(shown).join('\n')}` : '';
  return `${head}${rest.length > 0 ? ` ${rest.join('')}` : ''}${trace}\n`;
}

function shown(text: string): string {
  return text.replace(UNSHOWABLE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
