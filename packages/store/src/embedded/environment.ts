import { accessSync, constants, mkdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Key, open, type RootDatabase } from 'lmdb';
import { callMs } from '../bounds.ts';
import { within } from '../deadline.ts';
import { createState, type StateCell } from '../state.ts';
import { StoreError } from '../store-error.ts';
import { endWhileBusy } from './end-while-busy.ts';
import { inspectFile } from './inspect-file.ts';

/** The one table of all that is kept, under keys that are lists: what it is, then whose. */
export type Database = RootDatabase<Buffer, Key>;

/** A database that several processes of one machine have open at once. */
export interface Environment {
  readonly state: StateCell;
  /** Reads what is committed, by whatever process. */
  read<T>(work: (database: Database) => T): Promise<T>;
  /**
   * Runs in one transaction, alone among all processes. It must look before it writes: what it has written when it throws stays.
   *
   * @param grows - rejected as `store_full` while the disk is nearly full; what makes room goes on
   */
  write<T>(work: (database: Database) => T, grows?: boolean): Promise<T>;
  /** Frees what processes that were killed while they read still hold, or its space would not be used again. */
  freeReaders(): void;
  close(): Promise<void>;
}

const format = 'gopush store 1';
const formatKey = ['format'];

/** How long a look at the free space of the disk holds, in milliseconds. */
const spaceHoldsMs = 250;

/** @param reserveBytes - free space of the disk below which nothing is added */
export async function openEnvironment(folder: string, reserveBytes: number): Promise<Environment> {
  const path = join(folder, 'store.mdb');
  const database = openDatabase(folder, path);
  const state = createState('up');
  let closed: Promise<void> | undefined;
  const underWay = new Set<Promise<unknown>>();
  const endedOrClosed = endWhileBusy(() => underWay.size > 0);
  let space: { readonly at: number; readonly free: Promise<number> } | undefined;

  async function checkSpace(): Promise<void> {
    // A write that fails for want of space costs more than its own data, as native code goes wrong after it: keep away from it.
    const now = Date.now();
    if (space === undefined || now < space.at || now - space.at > spaceHoldsMs) {
      space = { at: now, free: statfs(folder).then(({ bavail, bsize }) => bavail * bsize) };
    }
    const free = await space.free;
    if (free < reserveBytes) throw new StoreError('store_full', `the disk of ${folder} has only ${free} bytes left`);
  }

  function checkOpen(): void {
    if (closed !== undefined) throw new StoreError('store_closed', `the store in ${folder} is closed`);
  }

  async function transact<T>(work: (database: Database) => T): Promise<T> {
    let late = false;
    const done = database.transaction(() => {
      // Its caller was told that it failed.
      if (late) throw new StoreError('store_down', 'too late');
      return work(database);
    });
    const settled = done.then(ignore, ignore);
    underWay.add(settled);
    void settled.then(() => underWay.delete(settled));
    try {
      const result = await within(done, callMs, `the store in ${folder}`);
      state.set('up');
      return result;
    } catch (error) {
      late = true;
      if (error instanceof StoreError && error.code !== 'store_down') throw error;
      const known = await toStoreError(error, path);
      // A full one still reads, and takes what makes room.
      if (known.code !== 'store_full') state.set('down');
      throw known;
    }
  }

  const environment: Environment = {
    state,
    async read(work) {
      checkOpen();
      try {
        // Or it would be what was committed when this turn of the event loop began.
        database.resetReadTxn();
        return work(database);
      } catch (error) {
        throw await toStoreError(error, path);
      }
    },
    async write(work, grows = false) {
      checkOpen();
      if (grows) await checkSpace();
      checkOpen();
      return transact(work);
    },
    freeReaders() {
      if (closed === undefined) database.readerCheck();
    },
    close() {
      // Closing in the middle of a transaction has been seen to wait for ever, with the whole process.
      closed ??= within(
        Promise.all(underWay)
          .then(() => database.close())
          .then(endedOrClosed),
        callMs,
        `closing the store in ${folder}`,
      );
      return closed;
    },
  };
  try {
    await environment.write((db) => {
      const found = db.get(formatKey)?.toString();
      if (found === format) return;
      const empty = found === undefined && [...db.getKeys({ limit: 1 })].length === 0;
      if (!empty) {
        throw new StoreError(
          'store_format',
          `${path} was kept by another version (${found ?? 'unknown'}, not ${format}); it was left as it is`,
        );
      }
      db.put(formatKey, Buffer.from(format));
    });
  } catch (error) {
    await environment.close();
    throw error;
  }
  return environment;
}

function ignore(): void {}

function openDatabase(folder: string, path: string): Database {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    inspectFile(path);
    // With batches by turns of the event loop a commit that fails is an unhandled rejection, by which Node ends the process.
    return open<Buffer, Key>({ path, noSubdir: true, encoding: 'binary', eventTurnBatching: false, maxReaders: 512 });
  } catch (error) {
    throw toKnownError(error, path);
  }
}

/** Failed commits have their reason in a promise of their own. */
async function toStoreError(error: unknown, path: string): Promise<StoreError> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (commitError === undefined) return toKnownError(error, path);
  const reason = await within(commitError, callMs, path).catch((cause: unknown) => cause);
  return toKnownError(reason ?? error, path);
}

function toKnownError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message } = error as { code?: unknown; message?: string };
  const say = (what: string): string => `${path}: ${what} (${message})`;
  const options = { cause: error };
  switch (code) {
    // No space, file too large, quota; by number from the database, by name from Node. The last: its map cannot grow.
    case 28:
    case 27:
    case 122:
    case 'ENOSPC':
    case 'EFBIG':
    case 'EDQUOT':
    case -30_792:
      return new StoreError('store_full', say('no space is left'), options);
    case 'EACCES':
    case 'EROFS':
    case 'EPERM':
    case 13:
    case 30:
    case 1:
      return new StoreError('store_denied', say('it cannot be written by this user'), options);
    // Page not found, corrupted, panic, version mismatch, not a database.
    case -30_797:
    case -30_796:
    case -30_795:
    case -30_794:
    case -30_793:
      return new StoreError('store_corrupt', say('it is damaged and was left as it is'), options);
    default:
      return new StoreError('store_failed', say('it failed'), options);
  }
}
