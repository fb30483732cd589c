import { join } from 'node:path';
import type { Key, RootDatabase } from 'lmdb';
import { callMs } from '../bounds.ts';
import { within } from '../deadline.ts';
import { createSignal, type Signal } from '../signal.ts';
import { createState, type StateCell } from '../state.ts';
import { StoreError } from '../store-error.ts';
import { endWhileBusy } from './end-while-busy.ts';
import { fileIdentity } from './file-identity.ts';
import { type OpenFile, openFile } from './open-file.ts';
import { createSpace, type Growth, type Space, type SpaceBounds } from './space.ts';
import { toStoreError } from './to-store-error.ts';

/** The one table of all that is kept, under keys that are lists: what it is, then whose. */
export type Database = RootDatabase<Buffer, Key>;

/** A database that several processes of one machine have open at once. */
export interface Environment {
  readonly state: StateCell;
  readonly space: Space;
  /** Told when the file is another one, in which nothing is that was kept. */
  readonly forgotten: Signal;
  /** The time of the store, in milliseconds since 1970. */
  now(): number;
  /** A time of the store as the machine's clock shows it. */
  toWall(at: number): number;
  /** Reads what is committed, by whatever process. */
  read<T>(work: (database: Database) => T): Promise<T>;
  /**
   * Runs in one transaction, alone among all processes. It must look before it writes: what it has written when it throws stays.
   *
   * @param grows - what it adds: rejected as `store_full` where there is no space for it; what makes room goes on. @defaultValue nothing
   */
  write<T>(work: (database: Database) => T, grows?: Growth): Promise<T>;
  /** Frees what processes that were killed while they read still hold, or its space would not be used again. */
  freeReaders(): void;
  close(): Promise<void>;
}

/** Between two looks at the file and the space, in milliseconds. */
const watchMs = 500;

export async function openEnvironment(folder: string, bounds: SpaceBounds): Promise<Environment> {
  const path = join(folder, 'store.mdb');
  const state = createState('up');
  const forgotten = createSignal();
  const underWay = new Set<Promise<unknown>>();
  /** Writes whose callers were told that they failed, and that wait for the lock still. */
  const stuck = new Set<Promise<unknown>>();
  /** How many writes have had the lock. */
  let begun = 0;
  const endedOrClosed = endWhileBusy(() => underWay.size > 0);
  /** Resolves when the work has ended, however. */
  function track(work: Promise<unknown>): Promise<unknown> {
    const settled = work.then(ignore, ignore);
    underWay.add(settled);
    void settled.then(() => {
      underWay.delete(settled);
      // The lock is free again.
      if (stuck.delete(settled) && stuck.size === 0) answers();
    });
    return settled;
  }

  let file: OpenFile | undefined = await openFile(folder, path, track);
  let { clock } = file;
  let closed: Promise<void> | undefined;
  const space = createSpace(folder, bounds, database);
  await space.look().catch(ignore);
  if (space.isFull()) state.set('full');

  function database(): Database {
    if (closed !== undefined) throw new StoreError('store_closed', `the store in ${folder} is closed`);
    if (file === undefined) throw new StoreError('store_down', `${path} was removed or replaced; it is opened again`);
    return file.database;
  }

  /** It was written. */
  function answers(): void {
    if (file !== undefined) state.set(space.isFull() ? 'full' : 'up');
  }

  async function transact<T>(work: (database: Database) => T): Promise<T> {
    const db = database();
    // It would only wait behind those.
    if (stuck.size > 0) throw new StoreError('store_down', `the store in ${folder} is locked by a process that hangs`);
    let late = false;
    const before = begun;
    const done = db.transaction(() => {
      begun++;
      // Its caller was told that it failed.
      if (late) throw new StoreError('store_down', 'too late');
      return work(db);
    });
    const settled = track(done);
    try {
      const result = await within(done, callMs, `the store in ${folder}`);
      if (state.get() !== 'full') answers();
      return result;
    } catch (error) {
      late = true;
      if (error instanceof StoreError && error.code !== 'store_down') throw error;
      throw await failed(error, settled, begun > before);
    }
  }

  /** A write failed, and with it perhaps all others. */
  async function failed(error: unknown, settled: Promise<unknown>, othersWrite: boolean): Promise<StoreError> {
    const known = await toStoreError(error, path);
    // It has too much to do, but it works.
    if (known.code === 'store_down' && othersWrite) return known;
    if (known.code === 'store_down' && underWay.has(settled)) stuck.add(settled);
    // A full one still reads, and takes what makes room.
    if (known.code === 'store_full') state.set('full');
    else state.set(known.code === 'store_denied' ? 'read-only' : 'down');
    return known;
  }

  /** Another file has taken the place of the one that is open, or none has. */
  async function reopen(): Promise<void> {
    const old = file;
    file = undefined;
    state.set('down');
    if (old !== undefined) await closeDatabase(old.database);
    if (closed !== undefined) return;
    const opened = await openFile(folder, path, track);
    if (closed !== undefined) {
      await closeDatabase(opened.database);
      return;
    }
    file = opened;
    clock = opened.clock;
    answers();
    forgotten.tell();
  }

  async function closeDatabase(open: Database): Promise<void> {
    // Closing in the middle of a transaction has been seen to wait for ever, with the whole process.
    const ended = Promise.all(underWay).then(() => open.close());
    await within(ended, callMs, `closing the store in ${folder}`);
  }

  async function watch(): Promise<void> {
    try {
      if (file === undefined || (await fileIdentity(path)) !== file.identity) await reopen();
      await space.look();
      const now = state.get();
      if (now === 'up' || now === 'full') answers();
    } catch {
      // The state says so, and the next look tries again.
    }
  }
  let watching: Promise<void> | undefined;
  const timer = setInterval(() => {
    watching ??= watch().finally(() => {
      watching = undefined;
    });
  }, watchMs).unref();

  async function close(): Promise<void> {
    clearInterval(timer);
    await watching;
    if (file !== undefined) await closeDatabase(file.database);
    endedOrClosed();
  }

  return {
    state,
    space,
    forgotten,
    now: () => clock.now(),
    toWall: (at) => clock.toWall(at),
    async read(work) {
      const db = database();
      try {
        // Or it would be what was committed when this turn of the event loop began.
        db.resetReadTxn();
        return work(db);
      } catch (error) {
        throw await toStoreError(error, path);
      }
    },
    async write(work, grows = 'nothing') {
      database();
      if (!space.hasRoom(grows)) {
        await space.check(grows).catch(async (error: unknown) => {
          const known = await toStoreError(error, path);
          if (known.code === 'store_full' && state.get() === 'up') state.set('full');
          throw known;
        });
      }
      return transact(work);
    },
    freeReaders() {
      if (closed === undefined) file?.database.readerCheck();
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

function ignore(): void {}
