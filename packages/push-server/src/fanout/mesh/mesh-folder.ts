import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderError } from '@gopush/service';
import { isNodeName } from './peer-protocol.ts';

/** Paths of Unix sockets are short: 108 bytes with the final zero on Linux, 104 on macOS. */
const maxPathBytes = 103;

/** Another ending than in earlier versions, whose nodes spoke another protocol. */
const ending = '.peer';

/** The folder in which the push-servers of one deployment meet: the same project on the same ports. */
export function meshFolder(dir: string, serverPortStart: number): string {
  const name = createHash('sha256')
    .update(`${realpathSync(dir)}\0${serverPortStart}`)
    .digest('hex')
    .slice(0, 16);
  // Directly in the temporary folder, whose sticky bit keeps other users from replacing it.
  return join(tmpdir(), `gopush-${process.getuid?.() ?? 0}-${name}`);
}

/** Opens the folder, for this user alone: another user who can write there could pose as a push-server. @throws FolderError */
export async function openFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // A link is not followed: another user could have put it there.
  const found = await lstat(folder);
  if (!found.isDirectory()) throw new FolderError(`${folder} is not a folder: remove it, or set pushServer.fanoutDir`);
  const { uid, mode } = found;
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new FolderError(`${folder} belongs to another user: remove it, or set pushServer.fanoutDir`);
  }
  if ((mode & 0o022) !== 0) {
    throw new FolderError(
      `${folder} can be written by other users: restrict it (chmod 700), or set pushServer.fanoutDir`,
    );
  }
}

/**
 * The socket of a node.
 *
 * @throws FolderError if its path would be too long
 */
export function socketPath(folder: string, node: string): string {
  const path = join(folder, `${node}${ending}`);
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw new FolderError(
      `${path} is too long for a Unix socket (${maxPathBytes} bytes): set pushServer.fanoutDir to a shorter folder`,
    );
  }
  return path;
}

/** Whether a file exists; `true` if that cannot be found out. */
export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}

/** The nodes that have a socket in the folder. Other files are left alone. */
export async function nodesIn(folder: string): Promise<string[]> {
  const files = await readdir(folder);
  return files
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .filter(isNodeName);
}
