import type { Completable, CompletableOption } from './completable.ts';
import { lookupFunctions } from './lookup-functions.ts';

/** The script for bash. */
export function bashCompletion(all: readonly Completable[]): string {
  const found = all.map(({ path, words, options }) => {
    const names = [...words, ...options].map(({ word }) => word);
    return `    "${path}") found="${names.join(' ')}" ;;`;
  });
  const values = all.flatMap(({ path, options }) =>
    options.filter(takesValue).map(({ word, value }) => `    "${path} ${word}") found="${wordsOf(value)}" ;;`),
  );
  return `_gopush() {
  local command="gopush" option="" word current="\${COMP_WORDS[COMP_CWORD]}" found=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    # bash takes --sort=name for three words.
    if [[ $word == "=" ]]; then continue; fi
    if [[ -n $option ]]; then option=""; continue; fi
    if [[ $word == -* ]]; then
      if _gopush_values "$command $word" || _gopush_values "gopush $word"; then option="$word"; fi
    else
      _gopush_words "$command"
      case " $found " in *" $word "*) if _gopush_words "$command $word"; then command="$command $word"; fi ;; esac
    fi
  done
  if [[ $current == "=" ]]; then current=""; fi
  if [[ -n $option ]]; then
    _gopush_values "$command $option" || _gopush_values "gopush $option"
    if [[ $found == "<folder>" ]]; then COMPREPLY=($(compgen -d -- "$current")); return; fi
    if [[ $found == "<any>" ]]; then COMPREPLY=(); return; fi
  elif [[ $current != -* ]]; then
    _gopush_words "$command"
    COMPREPLY=($(compgen -W "$found" -X "-*" -- "$current"))
    return
  elif [[ $command != "gopush" ]]; then
    local own
    _gopush_words "$command"; own="$found"
    _gopush_words "gopush"; found="$own $found"
  else
    _gopush_words "$command"
  fi
  COMPREPLY=($(compgen -W "$found" -- "$current"))
}
${lookupFunctions(found, values)}
complete -o default -F _gopush gopush
`;
}

/** Whether something follows an option. */
function takesValue({ value }: CompletableOption): boolean {
  return value !== 'none';
}

function wordsOf(value: CompletableOption['value']): string {
  return typeof value === 'string' ? `<${value}>` : value.join(' ');
}
