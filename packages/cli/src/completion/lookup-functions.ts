/**
 * The functions of bash and zsh that look up what may follow a command, and an option of a command. They fail for one that is unknown.
 *
 * @param words - lines of a `case`, by commands
 * @param values - the same by commands with an option
 */
export function lookupFunctions(words: readonly string[], values: readonly string[]): string {
  return `${lookup('_gopush_words', words)}\n${lookup('_gopush_values', values)}`;
}

function lookup(name: string, lines: readonly string[]): string {
  return `${name}() {
  case "$1" in
${lines.join('\n')}
    *) return 1 ;;
  esac
}`;
}
