import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { callMs } from '../bounds.ts';
import { StoreError } from '../store-error.ts';

/** Where the lock file has the last transaction. */
export const lastTxnAt = 8;

/**
 * Where the lock file has the mutex of writers: behind the mutex of readers, at a multiple of 64 bytes. glibc's mutexes take 48 bytes on arm64, and
 * 40 on x64.
 */
const mutexAt = process.arch === 'arm64' ? 128 : 64;

/** The kind of a mutex of glibc, and where a mutex has it: one that processes share, and that outlives its owner. Those of other libraries differ. */
const [kindAt, sharedRobust] = [16, 0x90];

/** Of the first word of a mutex: the thread that holds it. The other bits tell that threads wait, or that the owner has died. */
const ownerBits = 0x3fff_ffff;

/** Interval between looks at a lock that is held, in milliseconds. */
const lookMs = 10;

/** Who holds the lock of writers. */
interface Holder {
  readonly thread: number;
  readonly lastTxn: bigint;
}

/**
 * Who holds the lock of writers of a store.
 *
 * @param path - of the lock file
 * @returns `undefined`: nobody, or that cannot be told
 */
export function holderOf(path: string): Holder | undefined {
  const bytes = readStart(path);
  if (bytes === undefined || bytes.readUInt32LE(mutexAt + kindAt) !== sharedRobust) return undefined;
  const thread = bytes.readUInt32LE(mutexAt) & ownerBits;
  return thread === 0 ? undefined : { thread, lastTxn: bytes.readBigUInt64LE(lastTxnAt) };
}

/**
 * Resolves when no process hangs in a transaction. lmdb takes the lock of writers when it opens a database, and would block this process for as long
 * as that takes.
 *
 * @throws StoreError `store_down`: a process has held the lock, in one transaction, for as long as a call may take
 */
export async function awaitWriters(folder: string, path: string): Promise<void> {
  const first = holderOf(path);
  const by = performance.now() + callMs;
  for (let now = first; now !== undefined; now = holderOf(path)) {
    if (now.thread !== first?.thread || now.lastTxn !== first.lastTxn) return;
    if (performance.now() >= by) {
      throw new StoreError('store_down', `the store in ${folder} is locked by a process that hangs`);
    }
    await delay(lookMs);
  }
}

/** The beginning of a lock file, up to the end of the kind of the mutex; `undefined` if there is none. */
function readStart(path: string): Buffer | undefined {
  const bytes = Buffer.alloc(mutexAt + kindAt + 4);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return readSync(file, bytes, 0, bytes.length, 0) === bytes.length ? bytes : undefined;
  } finally {
    closeSync(file);
  }
}
