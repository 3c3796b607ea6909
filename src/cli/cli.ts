import type { Command } from 'commander';
import type { Settings } from '../config/environment.js';
import type { ResolvedConfig } from '../config/resolved-config.js';
import type { Output } from './output.js';

/** What every command has beside its own flags. */
export interface GlobalFlags {
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** What a command is given to work with. */
export interface Cli {
  readonly output: Output;
  /** The project's config; with what the command line overrules. */
  config(flags: GlobalFlags, overrides?: Settings): Promise<ResolvedConfig>;
  /** What the process ends with. */
  exitCode: number;
}

/** Each command's file exports one: it adds its arguments, flags and examples, and says what it does. */
export type DefineCommand = (command: Command, cli: Cli) => void;

/**
 * Makes `run` what the command does. It is given the flags (those before the command's name too) and the arguments;
 * what it returns is the exit code, 0 when it returns nothing.
 */
export function does<Flags extends GlobalFlags, Args extends readonly unknown[]>(
  command: Command,
  cli: Cli,
  run: (flags: Flags, ...args: Args) => Promise<number | void>,
): void {
  command.action(async (...all: unknown[]) => {
    const self = all.at(-1) as Command;
    const args = all.slice(0, -2) as unknown as Args;
    cli.exitCode = (await run(self.optsWithGlobals<Flags>(), ...args)) ?? 0;
  });
}

/** Examples at the end of a command's help, as people will type them. */
export function examples(command: Command, lines: readonly string[]): void {
  const noun = lines.length === 1 ? 'Example' : 'Examples';
  command.addHelpText('after', `\n${noun}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}
