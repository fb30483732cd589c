import type { FallbackCause } from './fallback-cause.ts';

/** Why a session needs another target: `planned`: its target has given it; `crash`: its target is gone without a word. */
export type MigrationCause = 'planned' | 'crash';

/** A session whose target has served the client itself, and is gone. */
export interface SessionWithoutTarget {
  /** What that one had read of the client and not handled. */
  readonly unread: Buffer;
  readonly cause: MigrationCause;
  /** What it has given to the client, as the header of the next request has it. */
  readonly positions: string;
  /** What the session was known by when that one took it. */
  readonly before: { readonly token: string; readonly positions: string } | undefined;
  readonly searched?: EarlierSearch | undefined;
}

/** A search for the next target of a session, before that had a tunnel. */
export interface EarlierSearch {
  /** In time of `performance.now()`. */
  readonly startedAt: number;
  /** Why there is none; `undefined`: there may be one that needs a tunnel. */
  readonly outcome: FallbackCause | undefined;
}
