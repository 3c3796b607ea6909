/** The envelope on the wire: reading it, writing it, and the rules both keep. docs/wire-format.md says the same in words. */
export { toStructured } from './cloudevent-binary.js';
export { decode } from './decode.js';
export { type Encoded, type EnvelopeFields, encode, type MetaFields } from './encode.js';
export { eventNameProblem } from './event-name.js';
export { derivedEventId, newEventId } from './ids.js';
export { DEFAULT_LIMITS, type Limits } from './limits.js';
export type { Origin } from './origin.js';
export { RawJson } from './raw-json.js';
export { timeText } from './time.js';
export { Undecodable } from './undecodable.js';
