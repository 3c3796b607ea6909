import { basename } from 'node:path';
import { Argument, type Command } from 'commander';
import { ThrunError } from '../../contracts/errors.js';
import { type Cli, does, examples, type GlobalFlags } from '../cli.js';
import { bashScript } from '../completion/bash.js';
import { fishScript } from '../completion/fish.js';
import { wordsOf } from '../completion/words.js';
import { zshScript } from '../completion/zsh.js';
import { buildProgram } from '../program.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

export function completion(command: Command, cli: Cli): void {
  command.addArgument(new Argument('[shell]', 'default: the one of $SHELL').choices(Object.keys(SCRIPTS)));
  examples(command, [
    "echo 'source <(thrun completion bash)' >> ~/.bashrc",
    "echo 'source <(thrun completion zsh)' >> ~/.zshrc",
    'thrun completion fish > ~/.config/fish/completions/thrun.fish',
  ]);
  does(command, cli, async (_flags: GlobalFlags, given?: string) => {
    const shell = given ?? basename(process.env.SHELL ?? '');
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell as keyof typeof SCRIPTS] : undefined;
    if (!script) throw new ThrunError('THRUN_INPUT', ['Name the shell: thrun completion bash, zsh or fish.']);
    const text = script(wordsOf(await buildProgram(cli)));
    if (cli.output.json) cli.output.document({ shell, script: text });
    else cli.output.line(text);
  });
}
