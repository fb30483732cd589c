import { stat } from 'node:fs/promises';

/**
 * Identifies the files of a store by their inodes: a folder that was deleted and created again has other ones.
 *
 * @returns `undefined` if one of them is missing
 */
export async function fileIdentity(path: string): Promise<string | undefined> {
  try {
    const [data, lock] = await Promise.all([stat(path), stat(`${path}-lock`)]);
    return `${data.dev}:${data.ino} ${lock.dev}:${lock.ino}`;
  } catch {
    return undefined;
  }
}
