import type { Command } from 'commander';

/** What can be typed after one command. */
export interface Words {
  /** `thrun failed list` */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly Flag[];
  /** The command that prints what its first argument can be; empty: there is none. */
  readonly names: string;
  /** Fixed values of its first argument. */
  readonly choices: readonly string[];
}

export interface Flag {
  readonly names: readonly string[];
  readonly takesValue: boolean;
  readonly summary: string;
}

/** By what the help calls the argument. */
const NAMES: Readonly<Record<string, string>> = {
  event: 'complete-names',
  batch: 'complete-names --batches',
};

/** Every command of the tree, from the tree itself: a completion cannot know less than the help. */
export function wordsOf(command: Command, above: readonly string[] = []): readonly Words[] {
  const path = [...above, command.name()];
  const children = command.createHelp().visibleCommands(command);
  const [argument] = command.registeredArguments;
  const own: Words = {
    path: path.join(' '),
    commands: children.map((child) => ({ name: child.name(), summary: child.summary() || child.description() })),
    flags: command
      .createHelp()
      .visibleOptions(command)
      .map(({ short, long, required, optional, description }) => ({
        names: [short, long].filter((name) => name !== undefined),
        takesValue: required || optional,
        summary: description,
      })),
    names: NAMES[argument?.name() ?? ''] ?? '',
    choices: argument?.argChoices ?? [],
  };
  return [own, ...children.filter((child) => child.name() !== 'help').flatMap((child) => wordsOf(child, path))];
}

/** Flags that are followed by a value, wherever they stand. */
export function flagsWithValue(words: readonly Words[]): readonly string[] {
  return [
    ...new Set(
      words.flatMap(({ flags }) => flags.filter(({ takesValue }) => takesValue).flatMap(({ names }) => names)),
    ),
  ];
}
