/**
 * Guesses at what a message is that is no envelope, so that the person who finds it in the dead letters knows whose it
 * is and what to change. Guesses only: they are words in an error, nothing is decided by them.
 */

const MAGIC: readonly (readonly [bytes: readonly number[], name: string])[] = [
  [[0x1f, 0x8b], 'gzip-compressed; send it uncompressed'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd-compressed; send it uncompressed'],
  [[0x04, 0x22, 0x4d, 0x18], 'lz4-compressed; send it uncompressed'],
  [[0x78, 0x01], 'zlib-compressed; send it uncompressed'],
  [[0x78, 0x9c], 'zlib-compressed; send it uncompressed'],
  [[0x78, 0xda], 'zlib-compressed; send it uncompressed'],
  [[0x50, 0x4b, 0x03, 0x04], 'a ZIP file'],
  [[0xac, 0xed, 0x00, 0x05], 'a serialized Java object; send JSON'],
  [[0x80, 0x02], 'a Python pickle; use json.dumps'],
  [[0x80, 0x03], 'a Python pickle; use json.dumps'],
  [[0x80, 0x04], 'a Python pickle; use json.dumps'],
  [[0x80, 0x05], 'a Python pickle; use json.dumps'],
  [[0x04, 0x08], 'a Ruby Marshal dump; use JSON.generate'],
];

/** For bytes that are not UTF-8, or not JSON. */
export function looksLikeBytes(body: Uint8Array): string | undefined {
  const [first, second] = body;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return 'has a UTF-16 BOM; send it as UTF-8';
  if (isUtf16(body)) return 'looks like UTF-16; send it as UTF-8';
  for (const [bytes, name] of MAGIC) {
    if (bytes.every((byte, n) => body[n] === byte))
      return `looks ${name.includes('-compressed') ? '' : 'like '}${name}`;
  }
  if (first === 0x00 && body.length > 5) return 'looks like Avro or Protobuf with a schema id; send JSON';
  if (first === 0x0a) return 'may be Protobuf; send JSON';
  if (first !== undefined && first >= 0x80 && first <= 0x8f) return 'looks like MessagePack; send JSON';
  return undefined;
}

/** UTF-16 without a BOM: JSON starts with ASCII, so every other byte is zero. */
export function isUtf16(body: Uint8Array): boolean {
  if (body.length < 4) return false;
  const [a, b, c, d] = body;
  return (a === 0 && b !== 0 && c === 0 && d !== 0) || (a !== 0 && b === 0 && c !== 0 && d === 0);
}

/** For UTF-8 that is not JSON. */
export function looksLikeText(text: string): string | undefined {
  const start = text.slice(0, 200).trimStart();
  if (start.startsWith('<')) return 'looks like XML or HTML; send JSON';
  if (/^(?:[aOC]:\d+:|[sib]:\d+[:;])/.test(start)) return "looks like the output of PHP's serialize(); use json_encode";
  if (/^---\s/.test(start) || /^event:\s/.test(start)) return 'looks like YAML; send JSON';
  if (/^eyJ[\w-]*\.eyJ/.test(start)) return 'looks like a JWT; send JSON';
  if (/^(?:eyJ|W3s|ewog)[\w+/=]*$/.test(start)) return 'looks like base64; send the JSON itself';
  if (/^[\w.%[\]+-]+=[^{]*(?:&|$)/.test(start)) return 'looks form-encoded; send JSON';
  return undefined;
}

/** For objects without an `event`: whose format is this? */
export function looksLikeShape(value: Readonly<Record<string, unknown>>): string | undefined {
  const has = (...names: readonly string[]): boolean => names.every((name) => Object.hasOwn(value, name));
  if (has('class', 'args')) return has('jid') ? 'looks like a Sidekiq job' : 'looks like a Resque or Sidekiq job';
  if (has('job', 'data') && (has('displayName') || has('uuid'))) return 'looks like a Laravel job';
  if (has('body', 'headers', 'properties')) return 'looks like a Celery task';
  if (has('task', 'args')) return 'looks like a Celery task';
  if (has('body', 'headers')) return 'looks like a Symfony Messenger message';
  if (has('name', 'data', 'opts')) return 'looks like a Bull job';
  if (has('messageType', 'message')) return 'looks like a MassTransit message';
  if (has('schema', 'payload')) return 'looks like a Kafka Connect or Debezium record';
  if (has('Type', 'Message')) return 'looks like an SNS notification';
  if (has('detail-type', 'detail')) return 'looks like an EventBridge event';
  for (const name of Object.keys(value)) {
    if (/^(?:event[_-]?(?:name|type)?)$/i.test(name)) return `there is a field "${name}"; it must be called "event"`;
  }
  for (const name of ['type', 'name', 'topic', 'action', 'job']) {
    if (typeof value[name] === 'string') return `there is a field "${name}"; if it is the name, call it "event"`;
  }
  return undefined;
}
