/** What one message may cost the worker that reads it. Checked before the cost is paid. */
export interface Limits {
  /** The whole message, in bytes. Default: 1 MiB. */
  readonly maxBytes: number;
  /** How deep objects and arrays may be nested; the envelope itself is 1. Default: 200. */
  readonly maxDepth: number;
  /**
   * `meta` without `previous_result`, in bytes of compact JSON. Default: 16 KiB. Brokers carry such fields in headers,
   * which are far smaller than bodies; `previous_result` is data and only limited by `maxBytes`.
   */
  readonly maxMetaBytes: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  maxBytes: 1024 * 1024,
  maxDepth: 200,
  maxMetaBytes: 16 * 1024,
});
