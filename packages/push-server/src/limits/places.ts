import type { PresenceStore } from '@gopush/store';
import type { Server, Socket } from 'socket.io';
import { roomOfUser } from '../rooms/names/room-names.ts';

/** What places are given out by. */
export interface PlacesOptions {
  readonly io: Server;
  readonly presence: PresenceStore;
  /** Connections of one uid; 0: no limit. */
  readonly most: number;
  readonly whenFull: 'refuse' | 'replace';
  /** Ends a connection of this node that has to make room. */
  readonly replace: (socket: Socket) => void;
}

/** The places that each user has for connections. */
export interface Places {
  /**
   * Takes one, until the connection is over. Where others cannot be asked, those of this node count alone.
   *
   * @returns `false` where the user has no place left
   */
  take(socket: Socket, uid: string): Promise<boolean>;
}

/** What push-servers tell each other: sockets that have to make room. */
const makeRoom = 'gopush:make-room';

/** Opens the places. */
export function createPlaces({ io, presence, most, whenFull, replace }: PlacesOptions): Places {
  /** Connections of this node by uid, as they came; those that are not admitted yet as well. */
  const here = new Map<string, Map<string, Socket>>();
  io.on(makeRoom, (uid: string, ids: readonly string[]) => end(uid, ids));

  function end(uid: string, ids: readonly string[]): void {
    const own = here.get(uid);
    for (const id of ids) {
      const socket = own?.get(id);
      if (socket !== undefined) replace(socket);
    }
  }

  function enter(socket: Socket, uid: string): () => void {
    let own = here.get(uid);
    if (own === undefined) {
      own = new Map();
      here.set(uid, own);
    }
    const sockets = own.set(socket.id, socket);
    const leave = (): void => {
      if (sockets.delete(socket.id) && sockets.size === 0 && here.get(uid) === sockets) here.delete(uid);
    };
    socket.conn.once('close', leave);
    socket.once('disconnect', leave);
    return leave;
  }

  /** Those that were there before, the oldest first. Presence cannot tell them: it still counts those that have just been cut off. */
  async function before(socket: Socket, uid: string): Promise<readonly string[]> {
    const since = new Map<string, number>();
    const own = [...(here.get(uid)?.values() ?? [])];
    const after = new Set(own.slice(own.indexOf(socket)).map(({ id }) => id));
    for (const { id, handshake } of own) if (!after.has(id)) since.set(id, handshake.issued);
    const connected = await io
      .in(roomOfUser(uid))
      .fetchSockets()
      .catch(() => []);
    for (const { id, handshake } of connected) if (!after.has(id)) since.set(id, handshake.issued);
    return [...since].sort(([, one], [, other]) => one - other).map(([id]) => id);
  }

  return {
    async take(socket, uid) {
      if (most === 0) return true;
      const leave = enter(socket, uid);
      const devices = await presence.user(uid).then(
        (user) => user.devices,
        () => most,
      );
      if (devices < most && (here.get(uid)?.size ?? 0) <= most) return true;
      const others = await before(socket, uid);
      if (others.length < most) return true;
      if (whenFull === 'refuse') {
        leave();
        return false;
      }
      const oldest = others.slice(0, others.length - most + 1);
      end(uid, oldest);
      io.serverSideEmit(makeRoom, uid, oldest);
      return true;
    },
  };
}
