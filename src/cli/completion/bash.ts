import { flagsWithValue, type Words } from './words.js';

/**
 * A completion script for bash 4 and later. Names of contracts never go through `compgen -W`, which would run what looks
 * like a command in them.
 */
export function bashScript(all: readonly Words[]): string {
  const cases = all.map(({ path, commands, flags, names: printer, choices }) => {
    const words = [...commands.map(({ name }) => name), ...choices].join(' ');
    const names = flags.flatMap((flag) => flag.names).join(' ');
    return `    '${path}') commands='${words}'; flags='${names}'; names='${printer}' ;;`;
  });
  const paths = all.map(({ path }) => `'${path}'`).join('|');
  return `# bash completion for thrun. To use it: source <(thrun completion bash)
_thrun() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path=thrun arguments=0 word name commands flags names i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      ${flagsWithValue(all).join('|')}) ((i++)) ;;
      -*) ;;
      *)
        case "$path $word" in
          ${paths}) path="$path $word" ;;
          *) ((arguments++)) ;;
        esac
        ;;
    esac
  done
  case "$previous" in
    ${flagsWithValue(all).join('|')}) compopt -o default; return ;;
  esac
  case "$path" in
${cases.join('\n')}
  esac
  if [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif ((arguments == 0)); then
    COMPREPLY=($(compgen -W "$commands" -- "$cur"))
    if [[ -n "$names" ]]; then
      while IFS= read -r name; do
        [[ "$name" == "$cur"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
      done < <("\${COMP_WORDS[0]}" $names 2>/dev/null)
      declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
    fi
    # Where no command and no event can stand, a file may.
    [[ -z "$commands" && "$names" != complete-names ]] && compopt -o default
  else
    compopt -o default
  fi
}
complete -F _thrun thrun`;
}
