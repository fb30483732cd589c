import type { Command } from 'commander';
import { bashCompletion } from './bash-completion.ts';
import { completablesOf } from './completable.ts';
import { fishCompletion } from './fish-completion.ts';
import { zshCompletion } from './zsh-completion.ts';

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** A shell for which there is completion. */
export type Shell = keyof typeof scripts;

/** Shells for which there is completion. */
export const shells = Object.keys(scripts) as Shell[];

/** The script that makes a shell complete commands, options, and those arguments and values of options that are fixed. */
export function completionFor(shell: Shell, program: Command): string {
  return scripts[shell](completablesOf(program));
}
