export interface SqliteOptions {
  /** The database file; its folder is made. Must be on a local disk, not a network share. */
  readonly path: string;
  /**
   * What a resolved publish has survived. `full` (default): loss of power, by one fsync for each group of publishes.
   * `normal`: a killed process, not a loss of power; several times faster for publishes awaited one by one.
   */
  readonly durability?: 'full' | 'normal';
  /** How long a publish waits for other processes' locks before it fails with THRUN_TRANSPORT_BUSY, ms. Default 10,000. */
  readonly busyMs?: number;
}
