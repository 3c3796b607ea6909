import type { Consumer, Holder, Transport, TransportNotice } from '../contracts/transport.js';

/** A transport as a worker receives from it. */
export interface Source {
  readonly name: string;
  readonly queues: readonly string[];
  /** Resolves to it, open. Called again after it rejected. */
  readonly open: () => Promise<Transport>;
}

/** One for each transport among `addresses`, in their order. */
export function sourcesOf(
  addresses: readonly { readonly transport: string; readonly queue: string }[],
  open: (transport: string) => Promise<Transport>,
): readonly Source[] {
  const names = [...new Set(addresses.map(({ transport }) => transport))];
  return names.map((name) => ({
    name,
    queues: addresses.flatMap(({ transport, queue }) => (transport === name ? [queue] : [])),
    open: () => open(name),
  }));
}

export interface Connected {
  readonly transport: Transport;
  readonly consumers: readonly { readonly queue: string; readonly consumer: Consumer }[];
}

/** A name that deliveries are held under, and on which transport. */
export interface Holding extends Holder {
  readonly transport: string;
}

export interface ConnectOptions {
  readonly group: string;
  readonly visibilityMs: number;
  /** Of processes that are dead: before anything else is received, it is given out. */
  readonly replaces: readonly Holding[];
  readonly onNotice: (notice: TransportNotice) => void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

/** Consumes all of its queues, or none. */
export async function connect(
  { name, open, queues }: Source,
  { replaces, ...options }: ConnectOptions,
): Promise<Connected> {
  const transport = await open();
  await bury(
    transport,
    replaces.filter((holding) => holding.transport === name),
    options.onNotice,
  );
  const consumers: { queue: string; consumer: Consumer }[] = [];
  try {
    for (const queue of queues) consumers.push({ queue, consumer: await transport.consume({ ...options, queue }) });
  } catch (error) {
    await Promise.all(consumers.map(({ consumer }) => consumer.close()));
    throw error;
  }
  return { transport, consumers };
}

/** Without it all comes again too, when the leases have run out. */
async function bury(
  transport: Transport,
  dead: readonly Holder[],
  onNotice: ConnectOptions['onNotice'],
): Promise<void> {
  try {
    await Promise.all(dead.map(async ({ queue, group, holder }) => transport.bury?.({ queue, group, holder })));
  } catch (error) {
    const message = `what a dead process held waits for its leases to run out: ${(error as Error).message}`;
    onNotice({ kind: 'degraded', message });
  }
}

/** Nobody answers at that address, or not yet: what time may mend, unlike a wrong password or a file that is none. */
const AWAY: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
]);

export function isAway(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (AWAY.has((at as { code?: unknown }).code)) return true;
  return false;
}

/** Tries until it works or `signal` aborts; then undefined. */
export async function connectLater(
  source: Source,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<Connected | undefined> {
  for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    await passed(pause, signal);
    if (signal.aborted) break;
    try {
      return await connect(source, options);
    } catch {
      // It was said when it was first away.
    }
  }
  return undefined;
}

/** Resolves after `ms`, or when `signal` aborts. */
function passed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
