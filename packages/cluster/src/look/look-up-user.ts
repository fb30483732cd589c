import { storedRoom } from '@gopush/contract';
import type { Store } from '@gopush/store';

/** Most messages of an inbox that are counted. */
const mostWaiting = 100;

/** Most rooms that are listed. */
const mostRooms = 50;

/** A user, as the store knows them. */
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
  /** The rooms that the user is in, by name; with `more`, some of them. */
  readonly rooms: { readonly names: readonly string[]; readonly more: boolean };
  readonly inbox: {
    /** Messages that wait; with `more`, there are others. */
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
 * @param scope - of its product, which its stored names begin with
 * @throws StoreError
 */
export async function lookUpUser({ presence, inbox }: Store, uid: string, scope: string): Promise<FoundUser> {
  const user = scope + uid;
  const [{ devices, since, lastSeen, nodes }, rooms, waiting] = await Promise.all([
    presence.user(user),
    presence.roomsOf(user, mostRooms),
    inbox.pending(user, 0, mostWaiting),
  ]);
  const start = storedRoom('', scope);
  return {
    online: devices > 0,
    devices,
    since: since ?? null,
    lastSeen: lastSeen ?? null,
    nodes,
    rooms: {
      names: rooms.names.flatMap((name) => (name.startsWith(start) ? [name.slice(start.length)] : [])),
      more: !rooms.isWhole,
    },
    inbox: {
      waiting: waiting.length,
      bytes: waiting.reduce((sum, { payload }) => sum + payload.length, 0),
      more: waiting.length >= mostWaiting,
      oldestAt: waiting[0]?.at ?? null,
    },
  };
}
