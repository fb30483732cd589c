import { type Mark, type Noted, readHalf, readNotes } from '../notes/read-notes.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { Libc } from '../system/libc.ts';
import { isLockedByOther, killLocker, lockerOf } from '../system/life-lock.ts';
import { lookAtProcess, type ProcessUse } from '../system/process-use.ts';
import type { Orphan } from './giver-events.ts';
import type { Handed } from './handed.ts';

/** Time between two checks whether a taker is dead, in milliseconds, and most checks: closing all that it had open takes a while. */
const askMs = 5;
const mostAsked = 200;

/** The file of a taker's notes, which is locked while the taker lives. */
export class NotesFile {
  readonly #libc: Libc;
  readonly #kernel: KernelSocket;
  /** Negative: it is closed. */
  #descriptor: number;
  readonly #slots: number;

  /** Takes the descriptor over. */
  constructor(libc: Libc, kernel: KernelSocket, descriptor: number, slots: number) {
    this.#libc = libc;
    this.#kernel = kernel;
    this.#descriptor = descriptor;
    this.#slots = slots;
  }

  /** Waits until the taker is dead, for at most a second. @returns whether it is */
  whenDead(onResult: (isDead: boolean) => void): void {
    let asked = 0;
    const ask = (): void => {
      const lives = isLockedByOther(this.#libc, this.#descriptor);
      asked++;
      if (lives && asked < mostAsked) setTimeout(ask, askMs);
      else onResult(!lives);
    };
    ask();
  }

  /** The process of the taker; `undefined`: it cannot be looked at. */
  look(): ProcessUse | undefined {
    const pid = this.#descriptor < 0 ? 0 : lockerOf(this.#libc, this.#descriptor);
    return pid > 0 ? lookAtProcess(pid) : undefined;
  }

  /** Kills the taker. @returns whether that could be done */
  kill(): boolean {
    return this.#descriptor >= 0 && killLocker(this.#libc, this.#descriptor);
  }

  get isDead(): boolean {
    return !isLockedByOther(this.#libc, this.#descriptor);
  }

  /** Whether another taker can continue a connection, now that this one is dead. */
  judge({ descriptor, slot, generation, cameWithBytes }: Handed<unknown>): Orphan {
    const noted = readNotes(this.#descriptor, this.#slots, { slot, generation });
    if (noted === undefined) return { taker: 'unclean', cause: 'not noted' };
    const counts = this.#kernel.counts(descriptor);
    if (counts === undefined || counts.isEnding) return { taker: 'unclean', cause: 'client ended' };
    // It died before it read that it has the connection, so it has done nothing with it.
    if (noted.readAt === 0 && !cameWithBytes) return { taker: 'clean', marks: [], unread: undefined };
    const isAhead = counts.bytesOut === noted.aheadAt;
    if (!isAhead && counts.bytesOut !== noted.writtenAt) return { taker: 'unclean', cause: 'half written' };
    const isWhole = counts.bytesIn === noted.readAt;
    const unread = isWhole ? undefined : readHalf(this.#descriptor, this.#slots, noted.piece, counts.bytesIn);
    if (!isWhole && unread === undefined) return { taker: 'unclean', cause: 'half read' };
    const marks = marksIn(noted, isAhead);
    return marks === undefined ? { taker: 'unclean', cause: 'too many streams' } : { taker: 'clean', marks, unread };
  }

  /**
   * The messages that a client has had of a taker that has put its session down, and so writes nothing more to it.
   * @returns `undefined`: not known
   */
  marksOf({ descriptor, slot, generation }: Handed<unknown>): readonly Mark[] | undefined {
    const noted = readNotes(this.#descriptor, this.#slots, { slot, generation });
    const counts = this.#kernel.counts(descriptor);
    return noted && counts && marksIn(noted, counts.bytesOut === noted.aheadAt);
  }

  close(): void {
    if (this.#descriptor >= 0) this.#kernel.close(this.#descriptor);
    this.#descriptor = -1;
  }
}

/** @param isAhead - whether the write has happened that was noted ahead */
function marksIn({ marks, ahead }: Noted, isAhead: boolean): readonly Mark[] | undefined {
  if (!isAhead || ahead.stream === 0) return marks;
  return marks && [...marks.filter(({ stream }) => stream !== ahead.stream), ahead];
}
