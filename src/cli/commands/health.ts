import type { Command } from 'commander';
import type { Health } from '../../supervisor/status-file.js';
import { type Cli, does, examples, type GlobalFlags } from '../cli.js';
import { plain } from '../plain-text.js';

export function health(command: Command, cli: Cli): void {
  command.description(
    'Tell whether every "thrun work" of this project consumes. Exit code 0: yes; 1: no, or none runs.',
  );
  examples(command, ['thrun health', "thrun health --json | jq '.workers[].problem'"]);
  does(command, cli, (flags: GlobalFlags) => run(cli, flags));
}

async function run(cli: Cli, flags: GlobalFlags): Promise<number> {
  const { output } = cli;
  const { root } = await cli.config(flags);
  const { readHealth } = await import('../../supervisor/status-file.js');
  // What a killed supervisor left behind says nothing about those that run.
  const workers = readHealth(root).filter(({ running }) => running);
  const healthy = workers.length > 0 && workers.every(({ problem }) => problem === undefined);
  if (output.json) output.document({ healthy, workers: workers.map(documentOf) });
  for (const worker of workers) output.line(lineOf(worker));
  if (workers.length === 0) output.line(`No "thrun work" runs in ${plain(root)}.`);
  return healthy ? 0 : 1;
}

function documentOf({ status, problem }: Health) {
  const { pid, started_at, updated_at, processes, active, held } = status;
  return {
    pid,
    consumes: problem === undefined,
    problem: problem ?? null,
    processes,
    active,
    held,
    started_at,
    updated_at,
  };
}

function lineOf({ status: { pid, processes, active, started_at }, problem }: Health): string {
  const since = plain(String(started_at));
  if (problem !== undefined) return `thrun work ${pid} (since ${since}) is not well: ${plain(problem)}`;
  return `thrun work ${pid} (since ${since}) consumes: ${processes} ${processes === 1 ? 'process' : 'processes'}, ${active} active`;
}
