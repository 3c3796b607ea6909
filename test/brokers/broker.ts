/** A real broker of a test's own, on loopback, in a folder of its own. Nothing of it outlives the test's process. */
export interface Broker {
  /** Where clients find it: the same over every restart. */
  readonly url: string;
  /** Starts it on the data it had. Resolves when it takes connections. Starting what runs does nothing. */
  start(): Promise<void>;
  /** Shuts it down in an orderly way. */
  stop(): Promise<void>;
  /** SIGKILL: whatever it did not write is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it for good and deletes its data. */
  dispose(): Promise<void>;
}
