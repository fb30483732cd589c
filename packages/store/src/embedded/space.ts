import { statfs } from 'node:fs/promises';
import { StoreError } from '../store-error.ts';
import type { Database } from './database.ts';

/** What a write adds: sessions may use space that messages may not, so that a full store loses none. */
export type Growth = 'nothing' | 'session' | 'message';

/** How large a store may become. */
export interface SpaceBounds {
  /** Free space of the disk, free pages of the file included, below which no messages are added, in bytes. */
  readonly reserveBytes: number;
  /** Bytes of all that is kept, above which no messages are added. */
  readonly maxBytes: number;
}

/** The space of a store. */
export interface Space {
  /** Bytes of what is kept; free pages of the file are not counted. */
  usedBytes(): number;
  /** Whether messages are refused, as of the last look. */
  isFull(): boolean;
  /** Whether old messages have to go, as of the last look. */
  isPressed(): boolean;
  /** Looks how much there is, unless that was done a moment ago. */
  look(): Promise<void>;
  /** Whether there is room for a write for sure; where not, it has to be looked at. Counts the write. */
  hasRoom(growth: Growth): boolean;
  /** @throws StoreError `store_full` */
  check(growth: Growth): Promise<void>;
}

/** How long a look holds, in milliseconds; and for how many writes, where less than so many bytes are left. */
const lookHolds = { ms: 250, writes: 32, nearBytes: 64 * 1_048_576 };

/** Beyond which part of the bound old messages begin to go, and down to which; of the free space that is kept likewise. */
const pressed = { from: 0.9, to: 0.8, fromReserves: 2, toReserves: 3 };

/** How much of what sessions need is kept free of messages: of the bound, and of the free space that is kept. */
const forSessions = { ofMax: 0.25, ofReserve: 0.75 };

/** What the database tells of its pages. */
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
