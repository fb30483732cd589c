import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ignoreInGit } from './ignore-in-git.ts';

/** A file that is not made. */
export interface LeftOut {
  readonly path: string;
  readonly why: string;
}

/** Files of a project to write, and files to leave out. */
export interface ProjectFiles {
  /** Writes a file if there is none, or whatever is there with `--force`. */
  put(path: string, text: string): Promise<void>;
  /** Writes a file that only its owner can read, if there is none. `--force` keeps it, too: what runs may use it. */
  putSecret(path: string, text: string): Promise<void>;
  /** Has git ignore files of a folder, beside those that it ignores already. */
  ignore(folder: string, lines: readonly string[]): Promise<void>;
  readonly written: string[];
  /** Files that were there already and stayed as they were. */
  readonly kept: string[];
  readonly left: LeftOut[];
}

/** Writes the files of a project, and notes what became of each. */
export function createFiles(force: boolean): ProjectFiles {
  const written: string[] = [];
  const kept: string[] = [];
  const left: LeftOut[] = [];
  return {
    written,
    kept,
    left,
    async put(path, text) {
      const isWritten = await write(path, text, { flag: force ? 'w' : 'wx' });
      (isWritten ? written : kept).push(path);
    },
    async putSecret(path, text) {
      if (await write(path, text, { flag: 'wx', mode: 0o600 })) written.push(path);
      else left.push({ path, why: 'there is one, which running processes may use' });
    },
    async ignore(folder, lines) {
      const path = await ignoreInGit(folder, lines);
      if (path !== undefined) written.push(path);
    },
  };
}

/** @returns `false` if the file is there and may not be replaced */
async function write(path: string, text: string, how: { readonly flag: string; readonly mode?: number }) {
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(path, text, how);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** Whether a folder has no files but those of git, or is not there. */
export function isEmptyFolder(folder: string): boolean {
  return entriesOf(folder).every((entry) => entry.startsWith('.git'));
}

/** The names in a folder; none if it is not there. */
export function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
