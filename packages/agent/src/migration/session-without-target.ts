import type { FallbackCause } from './fallback-cause.ts';

/** Why a session needs another target: `planned`: its target has given it; `crash`: its target is gone without a word. */
export type MigrationCause = 'planned' | 'crash';

/** A session whose target has served the client itself, and is gone. */
export interface SessionWithoutTarget {
  /** Bytes of the client that this target had read and not handled. */
  readonly unread: Buffer;
  readonly cause: MigrationCause;
  /** The positions that it has given to the client, as the header of the next request has them. */
  readonly positions: string;
  /** The token with which this target took the session, and the positions that the client had then. */
  readonly before: { readonly token: string; readonly positions: string } | undefined;
  readonly searched?: EarlierSearch | undefined;
}

/** A search for the next target of a session, before that had a tunnel. */
export interface EarlierSearch {
  /** In time of `performance.now()`. */
  readonly startedAt: number;
  /** Why no target was found; `undefined`: one may be found that needs a tunnel. */
  readonly outcome: FallbackCause | undefined;
}
