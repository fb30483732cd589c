import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '@gopush/contract';
import type { Finding } from './finding.ts';

/** Checks that the folders of push-servers exist, or can be created, and are writable. Reports problems only. */
export async function checkFolders({ pushServer, redisAdapter }: Config, dir: string): Promise<Finding[]> {
  const { publicDir, storeDir, fanoutDir } = pushServer;
  const findings = [
    ...(publicDir === undefined ? [] : [await checkReadable('pushServer.publicDir', resolve(dir, publicDir))]),
    // With Redis neither is used.
    ...(redisAdapter !== null
      ? []
      : [
          await checkWritable('pushServer.storeDir', resolve(dir, storeDir ?? '.gopush/store')),
          ...(fanoutDir === undefined ? [] : [await checkWritable('pushServer.fanoutDir', resolve(dir, fanoutDir))]),
        ]),
  ];
  return findings.filter((finding) => finding !== undefined);
}

async function checkReadable(setting: string, folder: string): Promise<Finding | undefined> {
  const problem = await readdir(folder).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => explain(error),
  );
  if (problem === undefined) return undefined;
  return { what: 'files', state: 'wrong', detail: `${setting}: ${folder} ${problem}: create it, or change ${setting}` };
}

/** By writing: rights do not tell of read-only disks, and root has all of them. */
async function checkWritable(setting: string, folder: string): Promise<Finding | undefined> {
  const problem = await tryToWrite(folder);
  if (problem === undefined) return undefined;
  return { what: 'files', state: 'wrong', detail: `${setting}: ${folder} ${problem}: fix that, or change ${setting}` };
}

async function tryToWrite(folder: string): Promise<string | undefined> {
  try {
    const there = await nearestFolder(folder);
    await rm(await mkdtemp(join(there, '.gopush-check-')), { recursive: true });
    return undefined;
  } catch (error) {
    return explain(error as NodeJS.ErrnoException);
  }
}

/** The folder itself, or the parent in which it would be created. */
async function nearestFolder(folder: string): Promise<string> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && dirname(folder) !== folder) return undefined;
    throw error;
  });
  if (found === undefined) return nearestFolder(dirname(folder));
  if (!found.isDirectory()) throw Object.assign(new Error(`${folder} is not a folder`), { code: 'ENOTDIR' });
  return folder;
}

function explain({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return 'does not exist';
    case 'ENOTDIR':
      return 'is not a folder, or not in one';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be accessed by this user';
    case 'EROFS':
      return 'is on a disk that is read-only';
    case 'ENOSPC':
      return 'is on a disk that is full';
    default:
      return `cannot be used (${code ?? message})`;
  }
}
