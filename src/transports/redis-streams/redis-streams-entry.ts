/** The field that thrun writes. */
export const FIELD = 'envelope';

const JSON_FIELDS: ReadonlySet<string> = new Set(['payload', 'meta']);

/**
 * The bytes of an entry: those of its only field, whatever it is called; of `envelope` among several; or an envelope made
 * of flat fields, `event` among them. Always the same bytes for the same entry. What is none of these is
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

/**
 * `payload` and `meta` that are JSON go in as they are: numbers beyond a double stay what they were. Whatever else there is
 * is text, unknown fields too.
 */
function flat(values: ReadonlyMap<string, Buffer>): Buffer | undefined {
  if (!values.has('event')) return undefined;
  const parts = [...values].map(([name, value]) => {
    const isRaw = JSON_FIELDS.has(name) && isJson(value);
    return `${JSON.stringify(name)}:${isRaw ? String(value) : JSON.stringify(String(value))}`;
  });
  return Buffer.from(`{${parts.join()}}`);
}

function isJson(value: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value));
    return true;
  } catch {
    return false;
  }
}

function texts(values: ReadonlyMap<string, Buffer>): [string, string][] {
  return [...values].map(([name, value]) => [name, String(value)]);
}
