import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HookError } from './hook-error.ts';

const extensions = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** Where hook files are looked for, and for which environment. */
export interface HookLocation {
  /** The project's folder; the hooks are in `hooks/` or, as in gopush 0.1, `hook/`. */
  readonly dir: string;
  /** Picks `<name>.<environment>.*` before `<name>.*`. */
  readonly environment: string;
}

/** The hooks folder, and the file of each hook that has one. */
export interface HookFiles<Name extends string> {
  readonly folder: string;
  readonly files: ReadonlyMap<Name, string>;
}

/**
 * Finds the file of each of these hooks; files of other hooks are ignored.
 *
 * @throws HookError if two files could be meant
 */
export async function findHookFiles<Name extends string>(
  { dir, environment }: HookLocation,
  names: readonly Name[],
): Promise<HookFiles<Name>> {
  for (const name of ['hooks', 'hook']) {
    const folder = join(dir, name);
    const entries = await readdir(folder).catch(() => undefined);
    if (entries !== undefined) return { folder, files: pickFiles(names, folder, entries, environment) };
  }
  return { folder: join(dir, 'hooks'), files: new Map() };
}

function pickFiles<Name extends string>(
  names: readonly Name[],
  folder: string,
  entries: readonly string[],
  environment: string,
): Map<Name, string> {
  const files = new Map<Name, string>();
  for (const hook of names) {
    for (const stem of [`${hook}.${environment}`, hook]) {
      const found = extensions.map((extension) => `${stem}${extension}`).filter((file) => entries.includes(file));
      const [file, other] = found;
      if (file === undefined) continue;
      if (other !== undefined) {
        throw new HookError(hook, join(folder, file), `${other} exists too: keep one of the two`);
      }
      files.set(hook, join(folder, file));
      break;
    }
  }
  return files;
}
