import { accessSync, constants, mkdirSync } from 'node:fs';
import type { Key } from 'lmdb';
import { callMs } from '../bounds.ts';
import { within } from '../deadline.ts';
import { StoreError } from '../store-error.ts';
import { CommitGuard, isGuarded } from './commit-guard.ts';
import type { Database } from './database.ts';
import { fileIdentity } from './file-identity.ts';
import { inspectFile } from './inspect-file.ts';
import { loadLmdb } from './lmdb.ts';
import { anchorClock, type ClockAnchor, createSteadyClock, type SteadyClock } from './steady-clock.ts';
import { toKnownError, toStoreError } from './to-store-error.ts';
import { packJson, unpackJson } from './values.ts';
import { awaitWriters } from './writer-lock.ts';

/** An open file of a store. */
export interface OpenFile {
  readonly database: Database;
  /** Identifies the file: another one of the same name differs. */
  readonly identity: string | undefined;
  readonly clock: SteadyClock;
  readonly guard: CommitGuard;
}

const format = 'gopush store 1';
const formatKey = ['format'];
const clockKey = ['clock'];

/** How often the beginning is tried while others set back the last transaction. */
const mostAttempts = 100;

/** When a process last began to remove expired entries: the latest time that is known. */
export const sweptKey = ['swept'];

/**
 * Opens the file of a store, or creates it.
 *
 * @param track - called with each transaction in progress
 * @throws StoreError
 */
export async function openFile(
  folder: string,
  path: string,
  track: (work: Promise<unknown>) => void,
): Promise<OpenFile> {
  const { open } = loadLmdb();
  // Looking at the lock file ends the locks that this process has on it (fcntl(2)).
  if (!isGuarded(path)) await awaitWriters(folder, `${path}-lock`);
  const database = openDatabase(open, folder, path);
  let guard: CommitGuard | undefined;
  let anchor: ClockAnchor | undefined;
  const begin = (): void => {
    if (guard?.isCurrent(database) === false) return;
    checkFormat(database, path);
    const kept = unpackJson<ClockAnchor>(database.get(clockKey));
    anchor = anchorClock(kept, Number(database.get(sweptKey)?.toString() ?? 0));
    if (anchor !== kept) database.put(clockKey, packJson(anchor));
  };
  try {
    guard = new CommitGuard(path);
    // This opening may have set back the last transaction.
    for (let attempt = 0; anchor === undefined; attempt++) {
      if (attempt === mostAttempts) throw new StoreError('store_failed', `the last commit of ${path} cannot be found`);
      const begun = database.transaction(begin);
      track(begun);
      await within(begun, callMs, `the store in ${folder}`);
    }
  } catch (error) {
    // A database with a transaction in progress cannot be closed.
    const known = await toStoreError(error, path);
    if (known.code !== 'store_down') {
      await database.close();
      guard?.close();
    }
    throw known;
  }
  return { database, identity: await fileIdentity(path), clock: createSteadyClock(anchor), guard };
}

function checkFormat(database: Database, path: string): void {
  const found = database.get(formatKey)?.toString();
  if (found === format) return;
  const isEmpty = found === undefined && [...database.getKeys({ limit: 1 })].length === 0;
  if (!isEmpty) {
    throw new StoreError(
      'store_format',
      `${path} was written by another version (${found ?? 'unknown'}, not ${format}); it was not changed`,
    );
  }
  database.put(formatKey, Buffer.from(format));
}

function openDatabase(open: typeof import('lmdb').open, folder: string, path: string): Database {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    inspectFile(path);
    return open<Buffer, Key>({
      path,
      noSubdir: true,
      encoding: 'binary',
      // With it, a failed commit is an unhandled rejection, which ends the process.
      eventTurnBatching: false,
      // With it, the death of a process that waits for the disk may undo a commit of another one, or break its database for good.
      overlappingSync: false,
      // The pages of a commit are on the disk before it counts; that it counts is written with the next one.
      noMetaSync: true,
      maxReaders: 512,
    });
  } catch (error) {
    throw toKnownError(error, path);
  }
}
