import type { Ending } from '../channel/ending.ts';
import type { Mark } from '../notes/mark.ts';
import type { Counts, HandedOver } from './handed-over.ts';

/**
 * The known state of a connection whose taker is gone.
 *
 * - `clean`: the taker is dead, and another one can continue. The taker's last frame to the client is complete, and the client has the messages up
 *   to `marks`. The taker had handled all that it had read, except the beginning of a message: `unread`, which the next taker gets first.
 * - `unclean`: the taker is dead, and `cause` says why the stream cannot continue: `not noted` (its program does not say where messages end),
 *   `half written`, `half read`, `client ended`, `too many streams`.
 * - `alive`: the taker lives, but the channel to it is gone: it has been `silent` for too long (stopped, swapped out), or has closed the channel.
 *   It may still read and write, so no other taker can continue. After `channel closed` it serves the connection alone, and this process is to
 *   {@link HandedOver.release | release} it: the taker gives a duplicate to another giver. A silent taker may never resume: it can be
 *   {@link HandedOver.killTaker | killed}, or the connection {@link HandedOver.cut | cut}, so that the client reconnects. If it is heard again or
 *   dies meanwhile, `onOrphan` is called once more.
 */
export type Orphan =
  | { readonly taker: 'clean'; readonly marks: readonly Mark[]; readonly unread?: Buffer | undefined }
  | { readonly taker: 'unclean'; readonly cause: UncleanCause }
  | { readonly taker: 'alive'; readonly cause: 'silent' | 'channel closed' };

/** Why a stream cannot be continued after the death of its taker. */
export type UncleanCause = 'not noted' | 'half written' | 'half read' | 'client ended' | 'too many streams';

/** What happens to connections that were handed over. What a handler throws is given to `onFault` and ends nothing else. */
export interface GiverEvents<T> {
  /** A connection has ended, and this process has closed its duplicate. Its record can be read until the handler returns. */
  onEnd(handed: HandedOver<T>, ending: Ending & Counts): void;
  /**
   * The taker has put the session down, on purpose: this process is now the only owner, and the state is `alone`.
   *
   * @param unread - what the taker had read of the client and not handled; it goes first to the taker that continues
   * @param marks - the messages up to which the client has had them; `undefined`: not known, as the taker has noted none, or not all
   */
  onLeave(handed: HandedOver<T>, unread: Buffer, marks: readonly Mark[] | undefined): void;
  /** The taker is gone: the state is `alone`. */
  onOrphan(handed: HandedOver<T>, orphan: Orphan): void;
  /**
   * A taker gives the duplicate of a connection whose other owner is gone. The program sets {@link HandedOver.user}.
   *
   * @returns whether to keep it; with `false` the taker looks for another owner
   */
  onDuplicate(handed: HandedOver<T>, record: Buffer): boolean;
  /** The channel to a taker has opened, or is gone. For the log; `reason` is why, also if it could never be opened. */
  onTaker(taker: TakerState): void;
  /** A handler threw, or something failed that should not. */
  onFault(error: unknown): void;
}

/** A change of a taker. */
export interface TakerState {
  /** TCP port. */
  readonly port: number;
  /** Its name; `undefined`: it never sent a hello. */
  readonly name: string | undefined;
  /** `open`; `stopping`: it takes nothing more; `gone`; `unfit`: it cannot be used, for example because of its version. */
  readonly state: 'open' | 'stopping' | 'gone' | 'unfit';
  /** Why it is gone or unfit. */
  readonly reason: string | undefined;
}
