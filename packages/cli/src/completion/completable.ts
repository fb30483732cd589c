import type { Command, Option } from 'commander';

/** What may follow a command. */
export interface Completable {
  /** The command with those above it: `gopush push room`. */
  readonly path: string;
  /** Subcommands, and fixed arguments. */
  readonly words: readonly Word[];
  readonly options: readonly CompletableOption[];
}

interface Word {
  readonly word: string;
  readonly about: string;
}

/** An option of a command. */
export interface CompletableOption {
  /** `--sort`, or `-s` if it has no long name. */
  readonly word: string;
  readonly about: string;
  /** What may follow it: nothing, one of these values, a folder, or something that nobody can guess. */
  readonly value: 'none' | 'folder' | 'any' | readonly string[];
}

/** All commands of a program, the program itself first. Its own options may stand behind each of them. */
export function completablesOf(program: Command, path = program.name(), parent?: Command): Completable[] {
  const help = program.createHelp();
  const subcommands = help.visibleCommands(program);
  const choices = program.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((word) => ({ word, about: description })),
  );
  // The command `help` takes the name of a command.
  const helped = program.name() === 'help' && parent !== undefined ? help.visibleCommands(parent) : [];
  const named = [...subcommands, ...helped].map((one) => ({ word: one.name(), about: one.description() }));
  const options = help.visibleOptions(program).map(describe);
  return [
    { path, words: [...named, ...choices], options },
    ...subcommands.flatMap((one) => completablesOf(one, `${path} ${one.name()}`, program)),
  ];
}

function describe({ long, short, description, argChoices, required, optional, flags }: Option): CompletableOption {
  const takes = required || optional;
  const open = /<folder>/.test(flags) ? 'folder' : 'any';
  return { word: long ?? short ?? '', about: description, value: takes ? (argChoices ?? open) : 'none' };
}
