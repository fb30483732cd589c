import { existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Paths of Unix sockets are short: 108 bytes with the final zero (unix(7)). */
const maxPathBytes = 107;

const form = /^(\d{1,5})\.([0-9a-f]{8})\.sock$/;

/** The pair of sockets of one taker. */
export interface TakerFiles {
  /** Part of the names that no other taker has. */
  readonly key: string;
  readonly port: number;
  /** Socket for messages. */
  readonly messages: string;
  /** Socket for descriptors. */
  readonly descriptors: string;
}

/**
 * The folder that processes of one user share: `gopush-<uid>` in the folder for temporary files. Not in `XDG_RUNTIME_DIR`: that is removed when the user
 * logs out, though processes go on, and is not there when they start without a login.
 */
export function defaultFolder(): string {
  return join(tmpdir(), `gopush-${process.getuid?.() ?? 0}`);
}

/**
 * Makes the folder if it is missing, and checks that only this user can enter it: who can write there could pose as a taker and get connections.
 *
 * @returns why it cannot be used; `undefined`: it can
 */
export function unfitFolder(dir: string): string | undefined {
  const longest = filesOf(dir, 65_535, '00000000').messages;
  if (Buffer.byteLength(longest) > maxPathBytes) {
    const mostBytes = maxPathBytes - (longest.length - dir.length);
    return `the path of ${dir} is too long for Unix sockets: choose one of at most ${mostBytes} bytes`;
  }
  try {
    makeFolder(dir);
    // A link is not followed: another user could have put it there. `bigint`: see socket-file.ts.
    const found = lstatSync(dir, { bigint: true });
    if (!found.isDirectory()) return `${dir} is not a folder`;
    if (Number(found.uid) !== process.getuid?.()) return `${dir} belongs to another user`;
    if ((found.mode & 0o077n) !== 0n) return `${dir} is open to other users: restrict it (chmod 700)`;
    return undefined;
  } catch (error) {
    return `${dir} cannot be used: ${(error as Error).message}`;
  }
}

/** Makes a folder and those above it. Node's `recursive` never returns below /proc, where making one fails with ENOENT. @throws Error */
function makeFolder(dir: string): void {
  const above = dirname(dir);
  if (!existsSync(above)) makeFolder(above);
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    // It may be there, or another process may have been faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

export function filesOf(dir: string, port: number, key: string): TakerFiles {
  const path = join(dir, `${port}.${key}`);
  return { key, port, messages: `${path}.sock`, descriptors: `${path}.fds` };
}

/** The takers that have a socket in a folder. Other files are left alone. */
export function takersIn(dir: string): TakerFiles[] {
  return readdirSync(dir).flatMap((name) => {
    const [, port, key] = form.exec(name) ?? [];
    return port === undefined || key === undefined ? [] : [filesOf(dir, Number(port), key)];
  });
}
