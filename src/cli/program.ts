import { Command } from 'commander';
import type { Cli } from './cli.js';
import { COMMANDS } from './command-map.js';
import { packageVersion } from './version.js';

/**
 * The command tree. All commands are named in it, so that help and suggestions know them, but only `wanted` is loaded
 * with its flags; without a name, all of them.
 */
export async function buildProgram(cli: Cli, wanted?: string): Promise<Command> {
  const program = new Command('thrun')
    .description('Events and jobs over interchangeable transports, in one JSON envelope.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText(
      'after',
      `
Examples:
  $ thrun init shop && cd shop && npm install
  $ thrun work
  $ thrun publish order_created '{"order_id":123}'

Exit codes: 0 done · 1 it failed · 2 wrong usage or bad input`,
    );
  for (const [name, { summary, hidden = false, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name, { hidden }).summary(summary).description(sentence(summary));
    if (wanted === undefined || wanted === name) (await load())(command, cli);
  }
  forEach(program, (command) => prepare(command, cli));
  return program;
}

/** The name of the command these arguments ask for, flags before it aside. */
export function commandNameIn(argv: readonly string[]): string | undefined {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (word === '--config') at++;
    else if (word === 'help') continue;
    else if (!word.startsWith('-')) return word;
  }
  return undefined;
}

function forEach(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) forEach(child, visit);
}

/** What all commands have in common. Errors are thrown to where they end, and not printed on the way. */
function prepare(command: Command, cli: Cli): void {
  command
    .option('--config <file>', 'the config to use (default: the nearest thrun.config.*)')
    .option('--json', 'print JSON on stdout')
    .option('--verbose', 'log more, and print where errors come from')
    .exitOverride()
    .configureOutput({ writeOut: (text) => cli.output.help(text), outputError: () => undefined })
    .configureHelp({ subcommandTerm: (child) => child.name() });
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}
