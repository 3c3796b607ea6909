/** What the worker processes run. Every step does what its payload says, so the audit can tell from the rows what had to happen. */

export interface StepPayload {
  readonly n: number;
  /** How long it takes. */
  readonly ms?: number;
  /** It gives up. */
  readonly fails?: boolean;
  /** … unless this file is there. */
  readonly healedBy?: string;
  /** So many attempts fail before one succeeds. */
  readonly flaky?: number;
  /** It adds so many steps, each of which says whose it is. */
  readonly adds?: number;
  readonly addedBy?: number;
}

/** More than the retry policy grants: it never succeeds. */
export const ALWAYS = 99;

export const LISTENERS = `
import { existsSync } from 'node:fs';
import { type JobContext, ThrunJob } from 'thrun';

@ThrunJob('step', { retry: { attempts: 4, delay: '20ms', backoff: 'fixed' } })
export class Step {
  constructor(readonly payload: any) {}
  async handle(context: JobContext) {
    const { n, ms, fails, healedBy, flaky = 0, adds = 0 } = this.payload;
    if (ms) await new Promise((resolve) => setTimeout(resolve, ms));
    if (adds > 0) {
      const more = Array.from({ length: adds }, (_, i) => ({ event: 'step', payload: { n: n * 1000 + i, addedBy: n } }));
      // The batch may have ended meanwhile, by a failure beside this step or because somebody cancelled it.
      await context.batch?.add(more).catch((error) => { if (error.code !== 'THRUN_BATCH_STATE') throw error; });
    }
    if (context.attempt <= flaky) throw new Error('not yet');
    if (fails && !(healedBy && existsSync(healedBy))) throw new GiveUp('told to fail');
    return { n };
  }
}

@ThrunEventListener('b.*')
export class Lifecycle {
  handle(payload: any, context: EventContext) {
    ledger(context, { lifecycle: (context.meta as any).thrun.lifecycle, batch: payload.batch_id, payload });
  }
}
`;

/** Makes batches until it is killed: \`at-fill\` kills itself when the first of a batch's jobs are stored and the rest is not. */
export const CREATOR = `
import { createThrun } from 'thrun';
const [config, who, how] = process.argv.slice(2);
const thrun = await createThrun(JSON.parse(config));
const { store } = await thrun.batches();
if (how === 'at-fill') store.fill = () => process.kill(process.pid, 'SIGKILL');
console.log('makes batches');
for (let i = 0; ; i++) {
  const jobs = Array.from({ length: 1100 }, (_, n) => ({ event: 'step', payload: { n } }));
  await thrun.batch(jobs).parallel().name(\`creator \${who} \${i}\`).then('b.then').catch('b.catch').finally('b.finally');
}
`;
