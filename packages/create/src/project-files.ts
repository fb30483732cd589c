import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file that is not made. */
export interface LeftOut {
  readonly path: string;
  readonly why: string;
}

/** Files of a project to write, and files to leave out. */
export interface ProjectFiles {
  /** Writes a file if there is none, or whatever is there with `--force`. */
  put(path: string, text: string, mode?: number): Promise<void>;
  readonly written: string[];
  /** Files that were there already and stayed as they were. */
  readonly kept: string[];
  readonly left: LeftOut[];
}

/** Writes the files of a project, and notes what became of each. */
export function createFiles(force: boolean): ProjectFiles {
  const written: string[] = [];
  const kept: string[] = [];
  return {
    written,
    kept,
    left: [],
    async put(path, text, mode) {
      await mkdir(dirname(path), { recursive: true });
      try {
        await writeFile(path, text, { flag: force ? 'w' : 'wx', ...(mode !== undefined && { mode }) });
        written.push(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        kept.push(path);
      }
    },
  };
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
