import { join } from 'node:path';
import { callMs } from '../bounds.ts';
import { within } from '../deadline.ts';
import { createSignal, type Signal } from '../signal.ts';
import { createState, type StateCell } from '../state.ts';
import { StoreError } from '../store-error.ts';
import type { Database } from './database.ts';
import { endWhileBusy } from './end-while-busy.ts';
import { fileIdentity } from './file-identity.ts';
import { GroupCommit } from './group-commit.ts';
import { type OpenFile, openFile } from './open-file.ts';
import { createSpace, type Growth, type Space, type SpaceBounds } from './space.ts';
import type { SteadyClock } from './steady-clock.ts';
import { toStoreError } from './to-store-error.ts';

/** A database that several processes of one machine have open at once. */
export interface Environment {
  readonly state: StateCell;
  readonly space: Space;
  /** Fires when the file was replaced, so that everything stored before is gone. */
  readonly forgotten: Signal;
  /** The time of the store, in milliseconds since 1970. */
  now(): number;
  /** Converts a time of the store to the machine's clock. */
  toWall(at: number): number;
  /** Reads what any process has committed. */
  read<T>(work: (database: Database) => T): Promise<T>;
  /**
   * Runs `work` in one transaction, while no other process writes; other writes of this process may share it. `work` must check before it
   * writes: a throw does not undo its writes.
   *
   * @param grows - the kind of data that the write adds; rejected as `store_full` if there is no space for that. @defaultValue nothing
   */
  write<T>(work: (database: Database) => T, grows?: Growth): Promise<T>;
  /** Frees the pages that processes held when they were killed in the middle of a read; their space could not be reused otherwise. */
  freeReaders(): void;
  close(): Promise<void>;
}

/** Time between two checks of the file and its free space, in milliseconds. */
const watchMs = 500;

export async function openEnvironment(folder: string, bounds: SpaceBounds): Promise<Environment> {
  const environment = new FileEnvironment(folder, bounds);
  await environment.open();
  return environment;
}

class FileEnvironment implements Environment {
  readonly state = createState('down');
  readonly forgotten = createSignal();
  readonly space: Space;
  readonly #folder: string;
  readonly #path: string;
  /** Transactions in progress. */
  readonly #underWay = new Set<Promise<unknown>>();
  /** Transactions that failed for their callers, and that still wait for the lock. */
  readonly #stuck = new Set<Promise<unknown>>();
  readonly #endedOrClosed = endWhileBusy(() => this.#underWay.size > 0);
  /** Counts the writes that got the lock. */
  #begun = 0;
  #file: OpenFile | undefined = undefined;
  #writes: GroupCommit | undefined = undefined;
  #clock: SteadyClock | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;
  #watching: Promise<void> | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(folder: string, bounds: SpaceBounds) {
    this.#folder = folder;
    this.#path = join(folder, 'store.mdb');
    this.space = createSpace(folder, bounds, () => this.#database());
  }

  async open(): Promise<void> {
    this.#use(await openFile(this.#folder, this.#path, (work) => this.#track(work)));
    await this.space.look().catch(ignore);
    this.#noteSuccess();
    this.#timer = setInterval(() => {
      this.#watching ??= this.#watch().finally(() => {
        this.#watching = undefined;
      });
    }, watchMs).unref();
  }

  now(): number {
    return (this.#clock as SteadyClock).now();
  }

  toWall(at: number): number {
    return (this.#clock as SteadyClock).toWall(at);
  }

  async read<T>(work: (database: Database) => T): Promise<T> {
    const db = this.#database();
    try {
      // Without this, the read would see the state at the beginning of this turn of the event loop.
      db.resetReadTxn();
      return work(db);
    } catch (error) {
      throw await toStoreError(error, this.#path);
    }
  }

  /** Writes of one transaction resolve in their order: as much is awaited after it for each of them. */
  async write<T>(work: (database: Database) => T, grows: Growth = 'nothing'): Promise<T> {
    this.#database();
    if (!this.space.hasRoom(grows)) await this.#checkSpace(grows);
    const db = this.#database();
    const writes = this.#writes as GroupCommit;
    // It would only queue behind the stuck ones.
    if (this.#stuck.size > 0) {
      throw new StoreError('store_down', `the store in ${this.#folder} is locked by a process that hangs`, undone);
    }
    let isLate = false;
    let hasBegun = false;
    const before = this.#begun;
    const done = writes.run(() => {
      this.#begun++;
      // For its caller it has failed already.
      if (isLate) throw new StoreError('store_down', 'too late', undone);
      hasBegun = true;
      return work(db);
    });
    const settled = this.#track(done);
    try {
      const result = await within(done, callMs, `the store in ${this.#folder}`);
      if (this.state.get() !== 'full') this.#noteSuccess();
      return result;
    } catch (error) {
      isLate = true;
      if (error instanceof StoreError && error.code !== 'store_down') throw error;
      const known = await this.#failed(error, settled, this.#begun > before);
      throw hasBegun || known.code !== 'store_down' ? known : new StoreError(known.code, known.message, undone);
    }
  }

  freeReaders(): void {
    if (this.#closed === undefined) this.#file?.database.readerCheck();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#watching;
    if (this.#file !== undefined) await this.#closeDatabase(this.#file);
    this.#endedOrClosed();
  }

  #database(): Database {
    if (this.#closed !== undefined) throw new StoreError('store_closed', `the store in ${this.#folder} is closed`);
    if (this.#file === undefined) {
      throw new StoreError('store_down', `${this.#path} was removed or replaced; it is opened again`, undone);
    }
    return this.#file.database;
  }

  async #checkSpace(grows: Growth): Promise<void> {
    await this.space.check(grows).catch(async (error: unknown) => {
      const known = await toStoreError(error, this.#path);
      if (known.code === 'store_full' && this.state.get() === 'up') this.state.set('full');
      throw known;
    });
  }

  /** @returns resolves when the work has succeeded or failed */
  #track(work: Promise<unknown>): Promise<unknown> {
    const end = (): void => {
      this.#underWay.delete(settled);
      // The lock is free again.
      if (this.#stuck.delete(settled) && this.#stuck.size === 0) this.#noteSuccess();
    };
    const settled = work.then(end, end);
    this.#underWay.add(settled);
    return settled;
  }

  /** Sets the state after a successful write. */
  #noteSuccess(): void {
    if (this.#file !== undefined) this.state.set(this.space.isFull() ? 'full' : 'up');
  }

  /** Sets the state after a failed write: all others may fail, too. */
  async #failed(error: unknown, settled: Promise<unknown>, othersWrite: boolean): Promise<StoreError> {
    const known = await toStoreError(error, this.#path);
    // The store is overloaded, but it works.
    if (known.code === 'store_down' && othersWrite) return known;
    if (known.code === 'store_down' && this.#underWay.has(settled)) this.#stuck.add(settled);
    // A full store still reads, and accepts writes that free space.
    if (known.code === 'store_full') this.state.set('full');
    else this.state.set(known.code === 'store_denied' ? 'read-only' : 'down');
    return known;
  }

  #use(opened: OpenFile): void {
    this.#file = opened;
    this.#writes = new GroupCommit(opened.database, () => opened.guard.isCurrent(opened.database));
    this.#clock = opened.clock;
  }

  /** Opens the file again after it was replaced or deleted. */
  async #reopen(): Promise<void> {
    const old = this.#file;
    this.#file = undefined;
    this.state.set('down');
    if (old !== undefined) await this.#closeDatabase(old);
    if (this.#closed !== undefined) return;
    const opened = await openFile(this.#folder, this.#path, (work) => this.#track(work));
    if (this.#closed !== undefined) {
      await this.#closeDatabase(opened);
      return;
    }
    this.#use(opened);
    this.#noteSuccess();
    this.forgotten.fire();
  }

  async #closeDatabase({ database, guard }: OpenFile): Promise<void> {
    // Closing in the middle of a transaction has been seen to block the process for ever.
    const ended = Promise.all(this.#underWay).then(() => database.close());
    await within(ended, callMs, `closing the store in ${this.#folder}`);
    guard.close();
  }

  async #watch(): Promise<void> {
    try {
      if (this.#file === undefined || (await fileIdentity(this.#path)) !== this.#file.identity) await this.#reopen();
      await this.space.look();
      const now = this.state.get();
      if (now === 'up' || now === 'full') this.#noteSuccess();
    } catch {
      // The state already shows it, and the next check tries again.
    }
  }
}

const undone = { isUndone: true } as const;

function ignore(): void {}
