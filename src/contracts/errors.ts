/**
 * Every error thrun raises on purpose, in one table: what happened, and what to do. `%s` is filled in order.
 * `usage` marks those that are the caller's input: the CLI ends with 2 for them, with 1 for the rest.
 */
const TABLE = {
  THRUN_CONFIG_NOT_FOUND: {
    usage: true,
    message: 'There is no config at %s. Run "thrun init" to make one, or name it with --config.',
  },
  THRUN_CONFIG_UNREADABLE: { usage: true, message: 'The config %s could not be loaded: %s' },
  THRUN_CONFIG_INVALID: { usage: true, message: 'The config %s is not valid:\n%s' },
  THRUN_DISCOVERY_FAILED: { usage: false, message: 'Discovery failed:\n%s' },
  THRUN_MANIFEST_STALE: { usage: false, message: 'The manifest %s is stale: %s. Run "thrun discover".' },
  THRUN_MANIFEST_UNREADABLE: {
    usage: false,
    message: 'The manifest %s cannot be read: %s. Run "thrun discover" to write it anew.',
  },
  THRUN_EVENT_NAME: { usage: true, message: 'The event name %s is not valid: %s.' },
  THRUN_PAYLOAD: { usage: true, message: 'The payload of %s cannot be sent: %s.' },
  THRUN_ENVELOPE: { usage: true, message: 'Not an envelope (%s): %s' },
  THRUN_LISTENER: { usage: true, message: '%s cannot listen: %s.' },
  THRUN_NOT_DECORATED: { usage: true, message: 'The class %s carries no %s decorator.' },
  THRUN_DUPLICATE_HANDLER: {
    usage: true,
    message: 'The job %s has two handlers, %s and %s. A job has exactly one; rename one of them.',
  },
  THRUN_DUPLICATE_LISTENER: {
    usage: true,
    message:
      'Two listeners are called %s (%s and %s). A retry finds its listener by name: give one of them { name: "…" }.',
  },
  THRUN_NAME_CLASH: { usage: true, message: 'The name %s is a job (%s), so %s cannot listen to it as an event.' },
  THRUN_CONTAINER: {
    usage: false,
    message: 'The container gave (%s) no instance of %s with a handle() method. See "container" in the config.',
  },
  THRUN_DURATION: {
    usage: true,
    message: '%s is not a duration. Write a number of milliseconds, or 500ms, 10s, 5m, 2h, 1d.',
  },
  THRUN_SIZE: { usage: true, message: '%s is not a size. Write a number of bytes, or 512K, 512M, 2G.' },
  THRUN_TIME: { usage: true, message: '%s is not a time. Write RFC 3339, for instance 2026-01-01T12:00:00Z.' },
  THRUN_TRANSPORT_UNKNOWN: { usage: true, message: 'There is no transport called %s. Known: %s.' },
  THRUN_TRANSPORT_UNAVAILABLE: { usage: false, message: 'The transport %s cannot be reached: %s' },
  THRUN_TRANSPORT_BUSY: {
    usage: false,
    message: 'The transport %s was locked by another process for %s ms. Nothing was written; try again.',
  },
  THRUN_TRANSPORT_REFUSED: { usage: false, message: 'The transport %s refused it: %s' },
  THRUN_PUBLISH_UNKNOWN: {
    usage: false,
    message:
      'The transport %s may or may not have published it: %s. Publish it again with the same event id, by which whoever got it twice can tell.',
  },
  THRUN_TRANSPORT_CLOSED: { usage: false, message: 'The transport %s is closed.' },
  THRUN_STORE_UNAVAILABLE: { usage: false, message: 'The batch store %s cannot be used: %s' },
  THRUN_STORE_BUSY: {
    usage: false,
    message: 'The batch store %s was locked by another process for %s ms. Nothing was written; try again.',
  },
  THRUN_BATCH_STORE: {
    usage: true,
    message:
      'This transport cannot keep batches. Say in the config where they are to be kept: batches: { store: "redis" } (or "sqlite", on one machine).',
  },
  THRUN_BATCH_UNKNOWN: {
    usage: true,
    message: 'There is no batch %s. "thrun batch list" shows those there are; finished ones are pruned after a while.',
  },
  THRUN_BATCH_STATE: { usage: false, message: 'The batch %s %s.' },
  THRUN_BATCH_DEFINITION: { usage: true, message: 'Not a batch: %s' },
  THRUN_ABILITY: { usage: false, message: 'The transport %s cannot %s.' },
  THRUN_CLOSED: { usage: false, message: 'This thrun is closed; create a new one.' },
  THRUN_TIMEOUT: { usage: false, message: '%s did not finish within %s ms; its AbortSignal was raised.' },
  THRUN_WORKER_CRASHED: {
    usage: false,
    message: 'Worker process %s ended %s times in a row right after its start (%s). Mend the cause, then start again.',
  },
  THRUN_INPUT: { usage: true, message: '%s' },
  THRUN_FAILED: { usage: false, message: '%s' },
} as const;

export type ThrunErrorCode = keyof typeof TABLE;

/** The one error class of thrun: branch on `code`, show `message`, look into `cause`. */
export class ThrunError extends Error {
  override readonly name = 'ThrunError';
  readonly code: ThrunErrorCode;
  /** The caller's input is at fault, not the system. */
  readonly usage: boolean;

  constructor(code: ThrunErrorCode, details: readonly unknown[] = [], options?: ErrorOptions) {
    const { message, usage } = TABLE[code];
    let next = 0;
    super(
      message.replace(/%s/g, () => String(details[next++])),
      options,
    );
    this.code = code;
    this.usage = usage;
  }
}
