import type { BatchRecord, JobRecord, OutboxEntry } from '../contracts/batch-store.js';
import type { QueueStats } from '../contracts/transport.js';
import type { Address } from '../dispatch/addresses.js';
import { formatDuration } from '../contracts/units.js';
import type { Batches } from './batches.js';

/** What is known of the transports; without it an explanation says less. */
export interface Surroundings {
  readonly now: number;
  readonly stats: readonly (QueueStats & { readonly transport: string })[];
  /** Where a contract goes that names no queue. */
  readonly addressOf: (event: string) => Address;
  /** The manifest exists, and no handler in it is for this job. */
  readonly isUnheard: (event: string) => boolean;
  /** Queues that running workers of this project consume, as far as can be seen from here; undefined: not known. */
  readonly consumed: ReadonlySet<string> | undefined;
}

/** Jobs that are told of one by one. */
const MOST = 20;

/** In sentences, one a line: what a batch waits for, and where that is. */
export async function explain(batches: Batches, batchId: string, around: Surroundings): Promise<readonly string[]> {
  const batch = await batches.get(batchId);
  const jobs = await batches.jobs(batchId);
  const outbox = await batches.store.outbox(batchId);
  const lines = [headline(batch, around.now)];
  const oldest = outbox[0];
  if (oldest) {
    const age = formatDuration(Math.max(0, around.now - oldest.at));
    lines.push(
      `${count(outbox.length, 'message')} of it could not be sent yet, the oldest for ${age}. ` +
        `A running worker sends them: see that one runs ("thrun work") and that the transport answers ("thrun doctor").`,
    );
  }
  if (batch.finishedAt !== undefined) return lines;
  if (!batch.sealed) return [...lines, 'It is not complete yet: whoever makes it is still adding jobs.'];
  if (!batch.started) return [...lines, `It is nested, and its turn in batch ${batch.parent?.batchId} has not come.`];
  for (const job of jobs.filter(({ state }) => state === 'queued' || state === 'running').slice(0, MOST)) {
    if (isUnsent(job, outbox)) lines.push(`${job.event} (job ${job.id}) is among what could not be sent yet.`);
    else lines.push(...(await explainJob(batches, job, around)));
  }
  const { queued, running, waiting } = batch.counts;
  const more = queued + running - MOST;
  if (more > 0) lines.push(`${more} more of its jobs ${more === 1 ? 'is' : 'are'} queued or running.`);
  if (waiting > 0)
    lines.push(`${count(waiting, 'job')} of later stages ${waiting === 1 ? 'waits' : 'wait'} for these.`);
  return lines;
}

function headline({ id, name, status, finishedAt, failure, counts }: BatchRecord, now: number): string {
  const who = name === null ? `Batch ${id}` : `Batch ${name} (${id})`;
  const why = failure ? ` because ${failure.job ? `${failure.job.event} failed: ` : ''}${failure.message}` : '';
  if (finishedAt !== undefined) return `${who} has ended ${formatDuration(now - finishedAt)} ago: ${status}${why}.`;
  if (status === 'running')
    return `${who} is running${counts.failed > 0 ? `; ${count(counts.failed, 'job')} failed` : ''}.`;
  return `${who} is ${status}${why}; what still runs is waited for.`;
}

/** Its turn has come, and its message is still in the outbox. */
function isUnsent({ index, state, attempts }: JobRecord, outbox: readonly OutboxEntry[]): boolean {
  if (state !== 'queued' || attempts > 0) return false;
  return outbox.some(({ out }) => out.kind === 'jobs' && out.from <= index && index <= out.to);
}

async function explainJob(batches: Batches, job: JobRecord, around: Surroundings): Promise<readonly string[]> {
  const { id, event, child, state, attempts, error, changedAt } = job;
  const age = formatDuration(Math.max(0, around.now - changedAt));
  if (child !== undefined) {
    const inner = await explain(batches, child, around);
    return [`It waits for the nested batch ${event} (${child}):`, ...inner.map((line) => `  ${line}`)];
  }
  const who = `${event} (job ${id})`;
  if (state === 'running') {
    return [
      `${who} has been running for ${age}, attempt ${attempts}. If its worker died, the transport delivers it again after the visibility timeout.`,
    ];
  }
  const { transport, queue } = { ...around.addressOf(event), ...(job.queue !== undefined && { queue: job.queue }) };
  const where = `queue ${queue} of ${transport}`;
  if (attempts === 0 && error !== undefined) {
    return [`${who} waits for a worker in another language to say how it went: ${error}.`];
  }
  if (attempts > 0) return [`${who} failed (${error}) and waits in ${where} for its next attempt.`];
  const unheard = around.isUnheard(event) ? ' The manifest knows no handler for it.' : '';
  return [
    `${who} was sent to ${where} ${age} ago and has not begun.${unheard} ${queueState({ transport, queue }, around)}`,
  ];
}

/** Why nobody has taken it, as far as the transport and the running workers tell. */
function queueState({ transport, queue }: Address, { stats, consumed }: Surroundings): string {
  const rows = stats.filter((row) => row.transport === transport && row.queue === queue);
  const groups = rows.filter(({ group }) => group !== '');
  const start = `Start a worker for it: thrun work --queue ${queue}`;
  if (rows.length > 0 && groups.length === 0) {
    return `Nobody consumes this queue: no group has ever consumed ${queue} on ${transport}. ${start}`;
  }
  const depth = most(groups, 'depth');
  // Whoever has messages of it in hand consumes it, also where it tells nobody here.
  const taken = rows.length > 0 && (depth === 0 || most(groups, 'inFlight') > 0);
  if (consumed && !consumed.has(queue) && !taken) {
    return `Nobody consumes this queue: no "thrun work" of this project on this machine consumes ${queue}. ${start}`;
  }
  if (depth > 0) {
    return `${count(depth, 'message')} ${depth === 1 ? 'waits' : 'wait'} in that queue; the workers get to it in turn.`;
  }
  if (rows.length === 0) return 'What that queue holds is not known here.';
  return 'The queue is empty, so a worker has taken the message, or it was purged or lost; a worker in another language tells only when it is done.';
}

/** What an idle batch waits for, in one line; undefined where a nested batch of it is still alive. */
export async function explainOpen({ store }: Batches, batchId: string): Promise<string | undefined> {
  const waitsFor: string[] = [];
  for (let index = 0; ; ) {
    const jobs = await store.jobs(batchId, index, 1000);
    const last = jobs.at(-1);
    if (!last) break;
    for (const { child, state, event } of jobs) {
      if (state !== 'queued' && state !== 'running') continue;
      const nested = child === undefined ? undefined : await store.get(child);
      if (nested && nested.finishedAt === undefined) return undefined;
      if (waitsFor.length < 3) waitsFor.push(`${event} was ${state}`);
    }
    index = last.index + 1;
  }
  return waitsFor.length > 0 ? waitsFor.join(', ') : 'nothing was queued';
}

function most(rows: readonly QueueStats[], figure: 'depth' | 'inFlight'): number {
  return rows.reduce((highest, row) => Math.max(highest, row[figure]), 0);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
