import type { Store } from '@gopush/store';

/** Most messages of an inbox that are counted. */
const mostWaiting = 100;

/** What is known of a user. */
export interface FoundUser {
  readonly online: boolean;
  /** Connections. */
  readonly devices: number;
  /** When the oldest connection began, in milliseconds since 1970; `null`: offline. */
  readonly since: number | null;
  /** When the last connection ended; `null`: online, or not remembered. */
  readonly lastSeen: number | null;
  /** The push-servers with connections of the user, by id. */
  readonly nodes: readonly string[];
  readonly inbox: {
    /** Messages that wait; with `more`, at least so many. */
    readonly waiting: number;
    readonly bytes: number;
    readonly more: boolean;
    /** When the oldest one was put; `null`: none waits. */
    readonly oldestAt: number | null;
  };
}

/**
 * Finds where a user is, and what waits for them.
 *
 * @param user - the uid, after the scope of its product
 * @throws StoreError
 */
export async function lookUpUser({ presence, inbox }: Store, user: string): Promise<FoundUser> {
  const [{ devices, since, lastSeen, nodes }, waiting] = await Promise.all([
    presence.user(user),
    inbox.pending(user, 0, mostWaiting),
  ]);
  return {
    online: devices > 0,
    devices,
    since: since ?? null,
    lastSeen: lastSeen ?? null,
    nodes,
    inbox: {
      waiting: waiting.length,
      bytes: waiting.reduce((sum, { payload }) => sum + payload.length, 0),
      more: waiting.length >= mostWaiting,
      oldestAt: waiting[0]?.at ?? null,
    },
  };
}
