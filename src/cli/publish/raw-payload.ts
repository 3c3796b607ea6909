import { ThrunError } from '../../contracts/errors.js';
import { type Encoded, encode, type Limits, type MetaFields } from '../../envelope/index.js';
import { isDeeperThan } from '../../envelope/depth.js';
import { jsonProblem } from '../../envelope/json-problem.js';
import { placeIn } from '../../envelope/parse.js';

/**
 * An envelope around a payload that is given as JSON text. The text leaves as it was written: parsing it and writing it
 * again would make 12345678901234567000 of 12345678901234567890, and 1.1 of 1.10.
 * @throws {ThrunError} THRUN_PAYLOAD, and what `encode` throws
 */
export function encodeRaw(event: string, text: string, meta: MetaFields, limits: Limits): Encoded {
  const { body, eventId } = encode({ event, payload: 0, meta }, limits);
  const payload = checked(event, text);
  const around = Buffer.from(body).toString();
  const head = `{"event":${JSON.stringify(event)},"payload":`;
  const json = `${head}${payload}${around.slice(head.length + 1)}`;
  const bytes = Buffer.from(json);
  refuseTooMuch(event, json, bytes.byteLength, limits);
  return { body: bytes, eventId, event };
}

function checked(event: string, text: string): string {
  try {
    JSON.parse(text);
    return text.trim();
  } catch (cause) {
    if (text.trim() === '')
      throw new ThrunError('THRUN_PAYLOAD', [event, 'it is empty; leave it out to send {}'], { cause });
    const problem = jsonProblem(text) ?? { at: 0, what: (cause as Error).message };
    const hint = /^\s*\{[^"]*\}?\s*$/.test(text) ? '; in a shell, put single quotes around the JSON' : '';
    throw new ThrunError(
      'THRUN_PAYLOAD',
      [event, `it is not JSON at ${placeIn(text, problem.at)}: ${problem.what}${hint}`],
      { cause },
    );
  }
}

function refuseTooMuch(event: string, json: string, bytes: number, { maxBytes, maxDepth }: Limits): void {
  if (bytes > maxBytes) {
    const advice = 'send a reference to the data in place of the data, or raise limits.payloadBytes';
    throw new ThrunError('THRUN_PAYLOAD', [
      event,
      `the message is ${bytes} bytes, the limit is ${maxBytes}; ${advice}`,
    ]);
  }
  if (isDeeperThan(json, maxDepth)) {
    throw new ThrunError('THRUN_PAYLOAD', [
      event,
      `it is nested deeper than ${maxDepth} levels; flatten it, or raise limits.depth`,
    ]);
  }
}
