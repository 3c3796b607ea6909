import { flagsWithValue, type Words } from './words.js';

/** A completion script for zsh; names and flags come with what they mean. */
export function zshScript(all: readonly Words[]): string {
  const cases = all.map(({ path, commands, flags, names: printer, choices }) => {
    const words = [...commands.map(({ name, summary }) => described(name, summary)), ...choices.map(quoted)];
    const names = flags.flatMap(({ names: own, summary }) => own.map((name) => described(name, summary)));
    return `    ${quoted(path)})
      words_here=(${words.join(' ')})
      flags_here=(${names.join(' ')})
      printer=(${printer}) ;;`;
  });
  return `#compdef thrun
# zsh completion for thrun. To use it: source <(thrun completion zsh)
_thrun() {
  local at=thrun word
  local -i i arguments=0
  local -a words_here flags_here names printer
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    case "$word" in
      ${flagsWithValue(all).join('|')}) ((i++)) ;;
      -*) ;;
      *)
        case "$at $word" in
          ${all.map(({ path }) => quoted(path)).join('|')}) at="$at $word" ;;
          *) ((arguments++)) ;;
        esac
        ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
    ${flagsWithValue(all).join('|')}) _files; return ;;
  esac
  case "$at" in
${cases.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe -o flag flags_here
  elif ((arguments > 0)); then
    _files
  elif ((\${#printer})); then
    names=("\${(@f)$("\${words[1]}" \${printer} 2>/dev/null)}")
    compadd -a names
    ((\${#printer} > 1)) && _files
  elif ((\${#words_here})); then
    _describe command words_here
  else
    _files
  fi
}
# Sourced, or autoloaded from a folder of $fpath.
if [[ "\${funcstack[1]}" == _thrun ]]; then
  _thrun "$@"
else
  compdef _thrun thrun
fi`;
}

/** zsh parts a word from its description by the first colon. */
function described(name: string, summary: string): string {
  return quoted(`${name.replaceAll(':', '\\:')}:${summary}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
