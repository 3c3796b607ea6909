import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { Output } from './output.js';
import { buildProgram, commandNameIn } from './program.js';
import { reportError } from './report-error.js';

/** Runs one command line. Resolves to the exit code and never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  const flags = flagsIn(argv);
  const output = await Output.open({ json: flags.has('--json'), verbose: flags.has('--verbose') });
  const cli: Cli = {
    output,
    async config({ config: file }, overrides) {
      const { loadConfig } = await import('../config/load.js');
      return loadConfig({ cwd: process.cwd(), file, overrides });
    },
    exitCode: 0,
  };
  const name = commandNameIn(argv);
  let program: Command | undefined;
  // A promise or a timer that a config or a listener left behind, and that fails.
  const fail = async (cause: unknown) => {
    const exitCode = reportError(cause, output, helpFor(argv, program));
    await output.flush();
    process.exit(exitCode);
  };
  process.once('uncaughtException', (cause: unknown) => void fail(cause));
  // What is waited for may hold no handle of its own (timers that are not to keep a worker alive); we do wait for it.
  const awake = setInterval(() => undefined, 60_000);
  try {
    program = await buildProgram(cli, name ?? '');
    await program.parseAsync(argv, { from: 'user' });
    await output.end();
    return cli.exitCode;
  } catch (error) {
    const exitCode = reportError(error, output, helpFor(argv, program));
    await output.flush();
    return exitCode;
  } finally {
    clearInterval(awake);
  }
}

/** The help of the command these arguments ask for: `thrun queues purge --help`. */
function helpFor(argv: readonly string[], program: Command | undefined): string {
  const path = ['thrun'];
  let at = program;
  for (const word of argv) {
    const child = at?.commands.find((command) => command.name() === word);
    if (!child) continue;
    path.push(word);
    at = child;
  }
  return `${path.join(' ')} --help`;
}

/** Known before anything is parsed, for what cannot be parsed has to be reported in the right form as well. */
function flagsIn(argv: readonly string[]): ReadonlySet<string> {
  const end = argv.indexOf('--');
  return new Set(end < 0 ? argv : argv.slice(0, end));
}
