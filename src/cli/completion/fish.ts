import { flagsWithValue, type Words } from './words.js';

/** A completion script for fish: one line for each word, true where it can stand. */
export function fishScript(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, commands, flags, names, choices }) => {
    const here = `complete -c thrun -n ${quoted(`__thrun_at ${quoted(path)}`)}`;
    return [
      ...commands.map(({ name, summary }) => `${here} -f -a ${quoted(name)} -d ${quoted(summary)}`),
      ...choices.map((choice) => `${here} -f -a ${quoted(choice)}`),
      ...(names === '' ? [] : [`${here} ${names.includes(' ') ? '' : '-f '}-a '(thrun ${names} 2>/dev/null)'`]),
      ...flags.map(({ names: spellings, takesValue, summary }) => {
        const own = spellings
          .map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
          .join(' ');
        return `${here} ${own}${takesValue ? ' -r' : ''} -d ${quoted(summary)}`;
      }),
    ];
  });
  return `# fish completion for thrun. To use it: thrun completion fish > ~/.config/fish/completions/thrun.fish
function __thrun_at --description 'whether the command line so far is this command'
  set -l at thrun
  set -l skip no
  for word in (commandline -opc)[2..-1]
    if test $skip = yes
      set skip no
      continue
    end
    switch $word
      case ${flagsWithValue(all).join(' ')}
        set skip yes
      case '-*'
      case '*'
        if contains -- "$at $word" ${all.map(({ path }) => quoted(path)).join(' ')}
          set at "$at $word"
        end
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
