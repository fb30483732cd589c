import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { Database } from './database.ts';
import { lastTxnAt } from './writer-lock.ts';

/** Where a header has its transaction, and the first header the size of a page. */
const [headerTxnAt, pageBytesAt] = [152, 48];

/** Databases that this process has open. */
const guarded = new Set<string>();

/** Whether this process has a database open: it also may if opening it took too long, as such a database cannot be closed. */
export function isGuarded(path: string): boolean {
  return guarded.has(path);
}

/**
 * Keeps commits from being undone. A process that opens the database writes into the lock file which transaction was the last one when it had read
 * the headers, without the lock of writers: a later commit is then overwritten by the next one, although it was confirmed. The headers in the file
 * tell which one was the last.
 */
export class CommitGuard {
  readonly #path: string;
  readonly #data: number;
  /** Not closed before the database is: the locks of this process would end with it. */
  readonly #lock: number;
  /** From the transaction of the first header to that of the second one. */
  readonly #headers: Buffer;

  constructor(path: string) {
    this.#path = path;
    guarded.add(path);
    this.#data = openSync(path, 'r');
    this.#lock = openSync(`${path}-lock`, 'r+');
    const size = Buffer.alloc(4);
    readSync(this.#data, size, 0, 4, pageBytesAt);
    this.#headers = Buffer.alloc(size.readUInt32LE() + 8);
  }

  /**
   * Asked at the beginning of a transaction.
   *
   * @returns whether it continues the last commit; if not, it must not write, and the next one does
   */
  isCurrent(database: Database): boolean {
    const headers = this.#headers;
    readSync(this.#data, headers, 0, headers.length, headerTxnAt);
    const last = Math.max(txnAt(headers, 0), txnAt(headers, headers.length - 8));
    if (database.getWriteTxnId() > last) return true;
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(last));
    writeSync(this.#lock, bytes, 0, 8, lastTxnAt);
    return false;
  }

  /** After the database is closed. */
  close(): void {
    closeSync(this.#data);
    closeSync(this.#lock);
    guarded.delete(this.#path);
  }
}

function txnAt(bytes: Buffer, position: number): number {
  return Number(bytes.readBigUInt64LE(position));
}
