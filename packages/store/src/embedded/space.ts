import { statfs } from 'node:fs/promises';
import { StoreError } from '../store-error.ts';
import type { Database } from './database.ts';

/** The kind of data that a write adds. Sessions may use space that messages may not, so that a full store loses no session. */
export type Growth = 'nothing' | 'session' | 'message';

/** Bounds of the size of a store. */
export interface SpaceBounds {
  /** Free space in bytes, of the disk and of the file, below which messages are rejected. */
  readonly reserveBytes: number;
  /** Size of the stored data in bytes, above which messages are rejected. */
  readonly maxBytes: number;
}

/** The space of a store. */
export interface Space {
  /** Size of the stored data in bytes, without free pages of the file. */
  usedBytes(): number;
  /** Whether messages are rejected, as of the last check. */
  isFull(): boolean;
  /** Whether old messages have to be removed, as of the last check. */
  isPressed(): boolean;
  /** Checks the free space, unless that was done a moment ago. */
  look(): Promise<void>;
  /** Whether there is certainly room for a write; if not, call `check`. Counts the write. */
  hasRoom(growth: Growth): boolean;
  /** @throws StoreError `store_full` */
  check(growth: Growth): Promise<void>;
}

/** How long a check is valid, in milliseconds, and for how many writes if fewer than `nearBytes` are left. */
const lookHolds = { ms: 250, writes: 32, nearBytes: 64 * 1_048_576 };

/** Old messages are removed from this share of `maxBytes` on, down to that share; likewise by multiples of `reserveBytes`. */
const pressed = { from: 0.9, to: 0.8, fromReserves: 2, toReserves: 3 };

/** Space that only sessions may use: a share of `maxBytes` beyond it, and a share of `reserveBytes`. */
const forSessions = { ofMax: 0.25, ofReserve: 0.75 };

/** Page counts of the database. */
interface Pages {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

export function createSpace(folder: string, bounds: SpaceBounds, database: () => Database): Space {
  const { reserveBytes, maxBytes } = bounds;
  let used = 0;
  let free = Number.POSITIVE_INFINITY;
  let isPressed = false;
  let writes = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  async function lookNow(): Promise<void> {
    const { bavail, bsize } = await statfs(folder);
    const stats = database().getStats() as Pages & { pageSize: number; lastPageNumber: number; free: Pages };
    used = pagesOf(stats) * stats.pageSize;
    // A file does not shrink: its free pages are used before it grows.
    const unused = stats.lastPageNumber + 1 - pagesOf(stats) - pagesOf(stats.free);
    free = bavail * bsize + Math.max(0, unused) * stats.pageSize;
    isPressed = isPressed
      ? used > maxBytes * pressed.to || free < pressed.toReserves * reserveBytes
      : used > maxBytes * pressed.from || free < pressed.fromReserves * reserveBytes;
    lookedAt = performance.now();
    writes = 0;
  }

  function isKnown(): boolean {
    if (performance.now() - lookedAt >= lookHolds.ms) return false;
    return writes < lookHolds.writes || Math.min(maxBytes - used, free - reserveBytes) > lookHolds.nearBytes;
  }

  async function look(): Promise<void> {
    if (isKnown()) return;
    looking ??= lookNow().finally(() => {
      looking = undefined;
    });
    await looking;
  }

  const isFull = (): boolean => used > maxBytes || free < reserveBytes;
  return {
    usedBytes: () => used,
    isFull,
    isPressed: () => isPressed,
    look,
    hasRoom(growth) {
      if (growth === 'nothing') return true;
      writes++;
      return isKnown() && !isFull();
    },
    async check(growth) {
      await look();
      if (growth === 'message' && isFull()) throw full(`it holds ${used} of ${maxBytes} bytes`);
      const isTooMuch = used > maxBytes * (1 + forSessions.ofMax) || free < reserveBytes * (1 - forSessions.ofReserve);
      if (isTooMuch) throw full(`it holds ${used} bytes`);
    },
  };

  function full(holds: string): StoreError {
    return new StoreError(
      'store_full',
      `the store in ${folder} is full: ${holds}, and its disk has ${free} bytes left`,
    );
  }
}

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Pages): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}
