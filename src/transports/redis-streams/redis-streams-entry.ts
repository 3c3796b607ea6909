/** The field that thrun writes. */
export const FIELD = 'envelope';

const FLAT = ['event', 'payload', 'meta'];

/**
 * The bytes of an entry: those of its only field, whatever it is called; of `envelope` among several; or an envelope made
 * of the flat fields `event`, `payload` and `meta`. Always the same bytes for the same entry. What is none of these is
 * shown as it is, so that its dead letter can be read.
 */
export function bodyOf(fields: readonly Buffer[]): Buffer {
  if (fields.length === 2) {
    const [name, value] = fields as readonly [Buffer, Buffer];
    // An event alone may be meant flat; a value that begins like an object is an envelope under an unlucky name.
    if (!name.equals(EVENT) || value[0] === OPENING_BRACE) return value;
  }
  const values = new Map<string, Buffer>();
  for (let at = 0; at + 1 < fields.length; at += 2) values.set(String(fields[at]), fields[at + 1] as Buffer);
  return values.get(FIELD) ?? flat(values) ?? Buffer.from(JSON.stringify(Object.fromEntries(texts(values))));
}

const EVENT = Buffer.from('event');
const OPENING_BRACE = 0x7b;

/** `payload` and `meta` are JSON and go in as they are: numbers beyond a double stay what they were. */
function flat(values: ReadonlyMap<string, Buffer>): Buffer | undefined {
  const event = values.get('event');
  if (!event || [...values.keys()].some((name) => !FLAT.includes(name))) return undefined;
  const parts = [`{"event":${JSON.stringify(String(event))}`];
  for (const name of ['payload', 'meta']) {
    const value = values.get(name);
    if (value === undefined) continue;
    if (!isJson(value)) return undefined;
    parts.push(`,"${name}":${String(value)}`);
  }
  return Buffer.from(`${parts.join('')}}`);
}

function isJson(value: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
    return true;
  } catch {
    return false;
  }
}

function texts(values: ReadonlyMap<string, Buffer>): [string, string][] {
  return [...values].map(([name, value]) => [name, String(value)]);
}
