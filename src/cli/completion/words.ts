import type { Command } from 'commander';

/** What can be typed after one command. */
export interface Words {
  /** `thrun failed list` */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly Flag[];
  /** Its first argument is the name of an event or a job. */
  readonly takesContract: boolean;
  /** Fixed values of its first argument. */
  readonly choices: readonly string[];
}

export interface Flag {
  readonly names: readonly string[];
  readonly takesValue: boolean;
  readonly summary: string;
}

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
    takesContract: argument?.name() === 'event',
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
