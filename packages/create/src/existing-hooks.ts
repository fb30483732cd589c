import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HookName } from './names.ts';

/** The hook files that a project has. */
export interface ExistingHooks {
  /** The folder in which they are, or are to be, seen from the project: a new hooks/ beside the hook/ of gopush 0.1 would hide it. */
  readonly folder: 'hook' | 'hooks';
  /** Returns the file of a hook in an environment, relative to the project: its own, in any language, or one for all environments. */
  find(hook: HookName, environment: string): { readonly file: string; readonly isGeneral: boolean } | undefined;
}

/** Looks for the hook files of a project, as agents and push-servers do. */
export function listHooks(dir: string): ExistingHooks {
  const [hooks, old] = [list(join(dir, 'hooks')), list(join(dir, 'hook'))];
  const folder = hooks === undefined && old !== undefined ? 'hook' : 'hooks';
  const entries = (folder === 'hooks' ? hooks : old) ?? [];
  const fileOf = (stem: string): string | undefined =>
    entries.find((entry) => entry.startsWith(`${stem}.`) && /^\.[cm]?[jt]s$/.test(entry.slice(stem.length)));
  return {
    folder,
    find(hook, environment) {
      const own = fileOf(`${hook}.${environment}`);
      const file = own ?? fileOf(hook);
      return file === undefined ? undefined : { file: join(folder, file), isGeneral: own === undefined };
    },
  };
}

function list(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}
