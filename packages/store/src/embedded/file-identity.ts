import { stat } from 'node:fs/promises';

/**
 * Tells the files of a store from others of the same name: a folder that was deleted and made anew has other ones.
 *
 * @returns `undefined` where one of them is missing
 */
export async function fileIdentity(path: string): Promise<string | undefined> {
  try {
    const [data, lock] = await Promise.all([stat(path), stat(`${path}-lock`)]);
    return `${data.dev}:${data.ino} ${lock.dev}:${lock.ino}`;
  } catch {
    return undefined;
  }
}
