import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HookName } from '@gopush/contract';
import { HookError } from './hook-error.ts';

/** The hooks, in the order in which messages name them. */
export const hookNames = ['agent', 'onupgrade', 'router'] as const satisfies readonly HookName[];

const extensions = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** Where hook files are looked for, and for which environment. */
export interface HookLocation {
  /** The project's folder; the hooks are in `hooks/` or, as in gopush 0.1, `hook/`. */
  readonly dir: string;
  /** Picks `<name>.<environment>.*` before `<name>.*`. */
  readonly environment: string;
}

/** The folder with the hooks, and the file of each hook that has one. */
export interface HookFiles {
  readonly folder: string;
  readonly files: ReadonlyMap<HookName, string>;
}

/**
 * Finds the file of each hook.
 *
 * @throws HookError where two files could be meant
 */
export async function findHookFiles({ dir, environment }: HookLocation): Promise<HookFiles> {
  for (const name of ['hooks', 'hook']) {
    const folder = join(dir, name);
    const entries = await readdir(folder).catch(() => undefined);
    if (entries !== undefined) return { folder, files: pickFiles(folder, entries, environment) };
  }
  return { folder: join(dir, 'hooks'), files: new Map() };
}

function pickFiles(folder: string, entries: readonly string[], environment: string): Map<HookName, string> {
  const files = new Map<HookName, string>();
  for (const hook of hookNames) {
    for (const stem of [`${hook}.${environment}`, hook]) {
      const found = extensions.map((extension) => `${stem}${extension}`).filter((file) => entries.includes(file));
      const [file, other] = found;
      if (file === undefined) continue;
      if (other !== undefined) {
        throw new HookError(hook, join(folder, file), `${other} stands beside it: keep one of the two`);
      }
      files.set(hook, join(folder, file));
      break;
    }
  }
  return files;
}
