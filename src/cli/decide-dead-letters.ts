import type { DeadLetterAccess, DeadLetterFilter } from '../contracts/dead-letter.js';
import { ThrunError } from '../contracts/errors.js';
import { AllDeadLetters } from './all-dead-letters.js';
import type { Cli } from './cli.js';
import { confirm, isAnybodyThere } from './confirm.js';
import { withTransports } from './each-transport.js';
import { PartialFailure } from './partial-failure.js';
import { plain } from './plain-text.js';
import { configFor, type TransportFlag } from './project.js';

export interface Filters extends TransportFlag {
  readonly event?: string;
  readonly queue?: string;
  readonly since?: number;
}

export interface DecideFlags extends Filters {
  readonly all?: boolean;
  readonly yes?: boolean;
}

/** What is to become of dead letters. */
export interface Decision {
  readonly verb: 'retry' | 'forget';
  readonly past: 'retried' | 'forgotten';
  /** It cannot be taken back. */
  readonly final: boolean;
  readonly apply: (access: DeadLetterAccess, ids: readonly string[]) => Promise<number>;
}

export const RETRY: Decision = {
  verb: 'retry',
  past: 'retried',
  final: false,
  apply: (access, ids) => access.retry(ids),
};
export const FORGET: Decision = {
  verb: 'forget',
  past: 'forgotten',
  final: true,
  apply: (access, ids) => access.forget(ids),
};

export async function decide(
  cli: Cli,
  flags: DecideFlags,
  ids: readonly string[],
  decision: Decision,
): Promise<number> {
  checkSelection(flags, ids, decision);
  const { config } = await configFor(cli, flags);
  const { complete } = await withTransports(cli, config, flags, async (transports) => {
    const access = new AllDeadLetters(transports);
    const done =
      flags.all === true ? await decideAll(cli, access, flags, decision) : await decideOn(access, ids, decision);
    if (cli.output.json) cli.output.document({ [decision.past]: done });
    else cli.output.line(`${done} ${decision.past}.`);
  });
  return complete ? 0 : 1;
}

function checkSelection(flags: DecideFlags, ids: readonly string[], { verb }: Decision): void {
  const refuse = (why: string) => {
    throw new ThrunError('THRUN_INPUT', [why]);
  };
  if (flags.all === true) {
    if (ids.length > 0) refuse('Give ids or --all, not both.');
  } else if (ids.length === 0) refuse('Say which: give ids ("thrun failed list" shows them), or --all.');
  else if (isFiltered(flags)) refuse(`--event, --queue and --since go with --all: thrun failed ${verb} --all …`);
}

async function decideOn(
  access: DeadLetterAccess,
  given: readonly string[],
  { apply, past }: Decision,
): Promise<number> {
  const ids = [...new Set(given)];
  const unknown: string[] = [];
  for (const id of ids) if ((await access.get(id)) === undefined) unknown.push(id);
  const known = ids.filter((id) => !unknown.includes(id));
  const done = known.length > 0 ? await apply(access, known) : 0;
  if (unknown.length === 0) return done;
  const none = unknown.length === 1 ? 'There is no dead letter' : 'There are no dead letters';
  const rest = known.length > 0 ? ` ${done} of the others ${past}.` : '';
  throw new PartialFailure(
    'THRUN_FAILED',
    `${none} ${unknown.map(plain).join(', ')}.${rest} "thrun failed list" shows those there are.`,
    { [past]: done, unknown },
  );
}

const PAGE = 500;

/** What dies while this runs (a retry that fails again, say) is not part of it: that could go on for ever. */
async function decideAll(
  { output }: Cli,
  access: DeadLetterAccess,
  flags: DecideFlags,
  decision: Decision,
): Promise<number> {
  const filter = filterOf(flags);
  const startedAt = Date.now();
  const count = await access.count(filter);
  if (count === 0) return 0;
  // A script that says --all has said it.
  if (isAnybodyThere()) {
    await confirm(question(count, isFiltered(flags), decision), flags.yes, output);
  }
  let done = 0;
  for (;;) {
    const page = (await access.list(filter, PAGE)).filter(({ diedAt }) => diedAt <= startedAt);
    const settled =
      page.length > 0
        ? await decision.apply(
            access,
            page.map(({ id }) => id),
          )
        : 0;
    if (settled === 0) return done;
    done += settled;
  }
}

function question(count: number, filtered: boolean, { final }: Decision): string {
  const letters = count === 1 ? 'the one dead letter' : `${filtered ? 'the' : 'all'} ${count} dead letters`;
  return `${final ? 'Delete' : 'Retry'} ${letters}${filtered ? (count === 1 ? ' that matches' : ' that match') : ''}?`;
}

export function isFiltered({ event, queue, since }: Filters): boolean {
  return event !== undefined || queue !== undefined || since !== undefined;
}

export function filterOf({ event, queue, since }: Filters): DeadLetterFilter {
  return {
    ...(event !== undefined && { event }),
    ...(queue !== undefined && { queue }),
    ...(since !== undefined && { since }),
  };
}
