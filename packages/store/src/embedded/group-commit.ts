import type { Database } from './database.ts';

/** Most writes of one transaction: the event loop waits for them, and so do other processes. */
const mostAtOnce = 256;

/** A write that waits for its transaction. */
interface Write {
  readonly work: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes that come while the lock of the database is awaited, or while another transaction is committed, share the next transaction. A transaction
 * costs as much for one write as for a hundred: a lock that processes share, a turn of another thread, a commit.
 */
export class GroupCommit {
  readonly #database: Database;
  readonly #isCurrent: () => boolean;
  #waiting: Write[] = [];
  /** Whether a transaction is about to begin that takes what waits. */
  #isDue = false;

  /** @param isCurrent - asked in each transaction whether it continues the last one; if not, the next one does */
  constructor(database: Database, isCurrent: () => boolean = () => true) {
    this.#database = database;
    this.#isCurrent = isCurrent;
  }

  /**
   * Runs `work` in a transaction, after those before it.
   *
   * @returns resolves with its result when it is committed; rejects with what it throws, which undoes neither its writes nor those of others
   */
  run<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as Write['resolve'], reject });
      this.#begin();
    });
  }

  #begin(): void {
    if (this.#isDue || this.#waiting.length === 0) return;
    this.#isDue = true;
    let group: readonly Write[] = [];
    const settle: (() => void)[] = [];
    const committed = this.#database.transaction(() => {
      if (!this.#isCurrent()) {
        // Those that wait are taken by the next one.
        this.#isDue = false;
        return;
      }
      group = this.#next();
      for (const { work, resolve, reject } of group) {
        try {
          const result = work();
          settle.push(() => resolve(result));
        } catch (error) {
          settle.push(() => reject(error));
        }
      }
    });
    committed.then(
      () => {
        for (const settleOne of settle) settleOne();
        this.#begin();
      },
      (error: unknown) => {
        // If it has not even begun, those that wait for it have none.
        const failed = group.length > 0 ? group : this.#next();
        for (const { reject } of failed) reject(error);
        this.#begin();
      },
    );
  }

  #next(): readonly Write[] {
    this.#isDue = false;
    return this.#waiting.splice(0, mostAtOnce);
  }
}
