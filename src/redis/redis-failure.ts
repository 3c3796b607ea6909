import { ThrunError } from '../contracts/errors.js';

/** What is known about a command that failed. */
export type Outcome =
  /** Redis answered with an error: it was not executed. */
  | 'refused'
  /** It never left. */
  | 'not_sent'
  /** The connection was lost before the answer: it may have been executed. */
  | 'unknown';

/** Redis cannot do it at the moment, for reasons that pass. */
const PASSING = /^(LOADING|READONLY|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|NOREPLICAS|MISCONF|BUSY|OOM|UNBLOCKED)\b/;

/** A command that failed, in words of ours: the client's own errors carry the command, and with it payloads and passwords. */
export class RedisFailure extends Error {
  override readonly name = 'RedisFailure';

  constructor(
    readonly outcome: Outcome,
    message: string,
    /** Nothing came back in time: whoever it was sent to may hang. */
    readonly isSilence = false,
  ) {
    super(message);
  }

  /** The first word of Redis's own errors, such as `WRONGTYPE`; of a link that is gone what the system calls that. */
  get code(): string | undefined {
    if (this.outcome !== 'refused') return this.isSilence ? 'ETIMEDOUT' : 'ECONNRESET';
    return /^-?([A-Z]+)\b/.exec(this.message)?.[1];
  }

  /** Trying again later may do. */
  get passes(): boolean {
    return this.outcome !== 'refused' || PASSING.test(this.message);
  }
}

/** A failure as those are told who asked for something that is not new there: by the name of the transport. */
export function told(transport: string, error: unknown): unknown {
  if (!(error instanceof RedisFailure)) return error;
  const code = error.outcome === 'refused' ? 'THRUN_TRANSPORT_REFUSED' : 'THRUN_TRANSPORT_UNAVAILABLE';
  return new ThrunError(code, [transport, error.message], { cause: error });
}

export function failureOf(error: unknown): RedisFailure {
  if (error instanceof RedisFailure) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === 'ReplyError') return new RedisFailure('refused', hint(message));
  if (message.startsWith("Stream isn't writeable") || message.startsWith('Cluster isn')) {
    return new RedisFailure('not_sent', 'it is not connected');
  }
  if (name === 'ClusterAllFailedError') return new RedisFailure('not_sent', 'no node of the cluster answers');
  if (message === 'Command timed out') return new RedisFailure('unknown', 'it did not answer in time', true);
  return new RedisFailure('unknown', 'the connection was lost before it answered');
}

/** Says what to do, where Redis does not. */
function hint(message: string): string {
  if (message.startsWith('OOM')) return `${message}: raise its maxmemory, or let workers drain it`;
  if (message.startsWith('WRONGTYPE')) return `${message}: another program uses this key for something else`;
  if (message.startsWith('NOAUTH')) return `${message}: set its password in the config or in the URL`;
  return message;
}
