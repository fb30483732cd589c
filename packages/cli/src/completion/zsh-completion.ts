import type { Completable, CompletableOption } from './completable.ts';
import { lookupFunctions } from './lookup-functions.ts';

/** The script for zsh, for `eval` as well as for a file `_gopush` in a folder of `fpath`. */
export function zshCompletion(all: readonly Completable[]): string {
  const found = all.map(({ path, words, options }) => {
    const names = words.map(({ word, about }) => quote(`${word}:${about}`));
    const own = options.map(({ word, about }) => quote(`${word}:${about}`));
    return `    ${quote(path)}) found=(${names.join(' ')}); options+=(${own.join(' ')}) ;;`;
  });
  const values = all.flatMap(({ path, options }) =>
    options
      .filter(({ value }) => value !== 'none')
      .map(({ word, value }) => `    ${quote(`${path} ${word}`)}) values=(${wordsOf(value)}) ;;`),
  );
  return `#compdef gopush
_gopush() {
  local command="gopush" option="" word
  local -a found options values
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $option ]]; then option=""; continue; fi
    if [[ $word == -* ]]; then
      if _gopush_values "$command $word" || _gopush_values "gopush $word"; then option="$word"; fi
    elif _gopush_words "$command" && (( \${found[(I)$word:*]} )) && _gopush_words "$command $word"; then
      command="$command $word"
    fi
  done
  if [[ -z $option && $PREFIX == --*=* ]]; then
    option="\${PREFIX%%=*}"
    compset -P '*='
  fi
  if [[ -n $option ]]; then
    _gopush_values "$command $option" || _gopush_values "gopush $option"
    case "$values" in
      '<folder>') _files -/ ;;
      '<any>') _message "a value for $option" ;;
      *) compadd -a values ;;
    esac
    return
  fi
  options=()
  _gopush_words "$command"
  local -a shown=("\${(@)found}")
  if [[ $command != "gopush" ]]; then _gopush_words "gopush"; fi
  if [[ $PREFIX == -* ]]; then _describe -o 'option' options
  elif (( $#shown )); then _describe 'command' shown
  else _files
  fi
}
${lookupFunctions(found, values)}
if [[ "\${funcstack[1]}" == "_gopush" ]]; then
  _gopush "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _gopush gopush
fi
`;
}

function wordsOf(value: CompletableOption['value']): string {
  return typeof value === 'string' ? quote(`<${value}>`) : value.map(quote).join(' ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
