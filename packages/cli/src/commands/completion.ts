import type { Command } from 'commander';

/** Shells for which there is completion. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** A shell for which there is completion. */
export type Shell = (typeof shells)[number];

/** What may follow a command. */
interface Words {
  /** The command with those above it: `gopush push room`. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
}

/** The script that makes a shell complete commands, options and fixed arguments. */
export function completionFor(shell: Shell, program: Command): string {
  const all = wordsOf(program, program.name());
  switch (shell) {
    case 'bash':
      return bash(all);
    case 'zsh':
      return `#compdef gopush\nautoload -U +X bashcompinit && bashcompinit\n${bash(all)}`;
    case 'fish':
      return fish(all);
  }
}

function wordsOf(command: Command, path: string): Words[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const choices = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((word) => ({ word, about: description })),
  );
  const options = help
    .visibleOptions(command)
    .map(({ long, short, description }) => ({ word: long ?? short ?? '', about: description }));
  const words = [...subcommands.map((one) => ({ word: one.name(), about: one.description() })), ...choices, ...options];
  return [{ path, words }, ...subcommands.flatMap((one) => wordsOf(one, `${path} ${one.name()}`))];
}

/** In zsh, `path` and `words` are variables of the shell: no function may change them. */
function bash(all: readonly Words[]): string {
  const cases = all.map(({ path, words }) => `    "${path}") found="${words.map(({ word }) => word).join(' ')}" ;;`);
  return `_gopush() {
  local command="gopush" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " $(_gopush_words "$command") " in *" $word "*) [[ $word == -* ]] || command="$command $word" ;; esac
  done
  COMPREPLY=($(compgen -W "$(_gopush_words "$command")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_gopush_words() {
  local found=""
  case "$1" in
${cases.join('\n')}
  esac
  echo "$found"
}
complete -o default -F _gopush gopush
`;
}

function fish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, words }) => {
    const [, ...parents] = path.split(' ');
    const condition =
      parents.length === 0
        ? '__fish_use_subcommand'
        : parents.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    return words.map(({ word, about }) => {
      const what = word.startsWith('--')
        ? `-l ${word.slice(2)}`
        : word.startsWith('-')
          ? `-s ${word.slice(1)}`
          : `-a ${word}`;
      return `complete -c gopush -n '${condition}' ${what} -d '${about.replaceAll("'", "\\'")}'`;
    });
  });
  return `${lines.join('\n')}\n`;
}
