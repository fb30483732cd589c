import type { Mark } from '../notes/mark.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { Libc } from '../system/libc.ts';
import { isLockedByOther, killLocker, lockerOf } from '../system/life-lock.ts';
import { lookAtProcess, type ProcessUse } from '../system/process-use.ts';
import { isUnread, judgeOrphan, marksOf, type TakerNotes } from './after-taker-crash.ts';
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
  readonly #hasLast: boolean;

  /** Takes the descriptor over. */
  constructor(libc: Libc, kernel: KernelSocket, { descriptor, slots, hasLast }: TakerNotes) {
    this.#libc = libc;
    this.#kernel = kernel;
    this.#descriptor = descriptor;
    this.#slots = slots;
    this.#hasLast = hasLast;
  }

  /** Waits until the taker is dead, for at most a second. @returns whether it is */
  whenDead(onResult: (isDead: boolean) => void): void {
    let asked = 0;
    const ask = (): void => {
      const isDead = this.isDead;
      asked++;
      if (!isDead && asked < mostAsked) setTimeout(ask, askMs);
      else onResult(isDead);
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

  /** Whether the taker is dead. Without its file nobody knows, so it is not. */
  get isDead(): boolean {
    return this.#descriptor >= 0 && !isLockedByOther(this.#libc, this.#descriptor);
  }

  /** Whether another taker can continue a connection, now that this one is dead. @param early - see {@link judgeOrphan} */
  judge(handed: Handed<unknown>, early: Buffer | undefined): Orphan {
    return judgeOrphan(handed, this.#kernel, this.#notes, early);
  }

  /** Whether the taker may not have read yet that it has a connection. */
  isUnread(handed: Handed<unknown>): boolean {
    return this.#descriptor >= 0 && isUnread(handed, this.#notes);
  }

  /**
   * The messages that a client has had of a taker that has put its session down, and so writes nothing more to it.
   * @returns `undefined`: not known
   */
  marksOf(handed: Handed<unknown>): readonly Mark[] | undefined {
    return marksOf(handed, this.#kernel, this.#notes);
  }

  get #notes(): TakerNotes {
    return { descriptor: this.#descriptor, slots: this.#slots, hasLast: this.#hasLast };
  }

  close(): void {
    if (this.#descriptor >= 0) this.#kernel.close(this.#descriptor);
    this.#descriptor = -1;
  }
}
