import type { Command } from 'commander';
import { nearestName } from '../config/nearest-name.js';
import { ThrunError } from '../contracts/errors.js';

/**
 * What a group of commands does when none of them is named. A name that is none of theirs then reaches it as an
 * argument, and is to be answered as the misspelt command it is.
 */
export function defaultCommand(group: Command, name: string): Command {
  const child = group.command(name, { isDefault: true });
  return child.allowExcessArguments().hook('preAction', (self) => {
    const [word] = self.args;
    if (word === undefined) return;
    const names = group.commands.map((command) => command.name());
    const nearest = nearestName(word, names);
    const hint = nearest === undefined ? `There is ${names.join(', ')}.` : `Did you mean ${nearest}?`;
    throw new ThrunError('THRUN_INPUT', [
      `Unknown command '${group.name()} ${word}'. ${hint} See "thrun ${group.name()} --help".`,
    ]);
  });
}
