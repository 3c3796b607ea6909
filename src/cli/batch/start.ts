import type { BatchBuilder } from '../../batch/builder.js';
import { type BatchDefinition, DEFINITION } from '../../batch/definition.js';
import { LIFECYCLE_KINDS } from '../../contracts/batch.js';
import type { Cli } from '../cli.js';
import { limitsOf, type TransportFlag } from '../project.js';
import { unquoted } from '../publish/payload-text.js';
import { warnOfLoss, warnOfSilence } from '../publish/warnings.js';
import { batchFromLine, type GivenJob } from './batch-source.js';
import { withBatches } from './with-batches.js';

export interface StartFlags extends TransportFlag {
  readonly job?: readonly GivenJob[];
  readonly name?: string;
  readonly progress?: string;
  readonly then?: string;
  readonly catch?: string;
  readonly finally?: string;
  readonly parallel?: boolean;
  readonly allowFailures?: boolean;
}

export async function start(cli: Cli, flags: StartFlags, target?: string, payload?: string): Promise<void> {
  const { output } = cli;
  const jobs = flags.job ?? [];
  await withBatches(cli, flags, async (batching) => {
    const { thrun, config, known } = batching;
    const { builder } = await batchFromLine(cli, batching, target, payload, jobs);
    overrule(builder, flags);
    const definition = seen(cli, () => builder[DEFINITION](limitsOf(config)), jobs);
    // Before anything is made: a batch whose first jobs cannot be sent would keep this process waiting.
    warnOfLoss(cli, await thrun.transport());
    const id = await builder.dispatch();
    if (output.json) output.document({ batch_id: id });
    else output.line(id);
    const unheard = known ? eventsIn(definition).filter((event) => known.isUnheard(event)) : [];
    if (known) warnOfSilence(cli, known, [...new Set(unheard)], 'handler');
  });
}

/** What the command line says goes before what the file or the class says. */
function overrule(builder: BatchBuilder, flags: StartFlags): void {
  if (flags.name !== undefined) builder.name(flags.name);
  if (flags.parallel === true) builder.parallel();
  if (flags.allowFailures === true) builder.allowFailures();
  for (const kind of LIFECYCLE_KINDS) {
    const event = flags[kind];
    if (event !== undefined) builder[kind](event);
  }
}

function seen({ output }: Cli, define: () => BatchDefinition, jobs: readonly GivenJob[]): BatchDefinition {
  try {
    return define();
  } catch (error) {
    if (jobs.some(({ json }) => unquoted(json))) {
      output.note(`hint: put the JSON in single quotes, or the shell takes the double ones: --job name='{"id":1}'`);
    }
    throw error;
  }
}

function eventsIn({ stages }: BatchDefinition): readonly string[] {
  return stages.flat().flatMap((member) => (member.kind === 'job' ? [member.event] : eventsIn(member.batch)));
}
