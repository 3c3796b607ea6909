/** Everything that can happen to a batch: pure functions from how it stands to what changes. Stores run them atomically. */
export { add, type Addition } from './add.js';
export { begin } from './begin.js';
export { cancel } from './cancel.js';
export { retry, RERUN } from './retry.js';
export { abandon, seal, stall, start } from './start.js';
export { type Outcome, pause, release, settle } from './settle.js';
