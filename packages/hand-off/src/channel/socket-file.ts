import { lstatSync, unlinkSync } from 'node:fs';

// Node's `realpathSync`, and with it its module loader, looks at the result of the last synchronous `stat` that was not `bigint`: if that was
// of a socket or a FIFO, symbolic links in the paths of modules are not followed, and modules that are loaded later may not be found
// (`lib/fs.js`, Node 20 to 24). `fs.rm` and `fs.rmSync` call such a `stat` too.

/** When a file, perhaps a socket, was made or changed last, in milliseconds since 1970; `undefined`: there is none. */
export function changedAt(path: string): number | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? undefined : Number(found.ctimeMs);
}

/** Removes a file, perhaps a socket, if it is there. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
