import type { PresenceStore } from '@gopush/store';
import type { Server, Socket } from 'socket.io';
import { roomOfUser } from '../rooms/names/room-names.ts';

/** What places need. */
export interface PlacesOptions {
  readonly io: Server;
  readonly presence: Pick<PresenceStore, 'user'>;
  /** Most connections of one user; 0: no limit. */
  readonly most: number;
  /** What happens to a connection too many: it is refused, or it replaces the oldest one. */
  readonly whenFull: 'refuse' | 'replace';
  /** Closes a connection of this node that is replaced. */
  readonly replace: (socket: Socket) => void;
}

/** The event by which push-servers tell each other which sockets of a user are replaced. */
const makeRoom = 'gopush:make-room';

/** The places of each user for connections, over all push-servers. Users go by their uids after the scope of their product. */
export class Places {
  readonly #options: PlacesOptions;
  /** Connections of this node by user, in the order in which they came, those that are not admitted yet included. */
  readonly #here = new Map<string, Map<string, Socket>>();

  constructor(options: PlacesOptions) {
    this.#options = options;
    options.io.on(makeRoom, (user: string, ids: readonly string[]) => this.#replace(user, ids));
  }

  /**
   * Takes a place until the connection ends. If the store or other nodes are down, the connections of this node count alone.
   *
   * @returns `false` if the user has no place left
   */
  async take(socket: Socket, user: string): Promise<boolean> {
    const { io, presence, most, whenFull } = this.#options;
    if (most === 0) return true;
    const leave = this.#enter(socket, user);
    const devices = await presence.user(user).then(
      (found) => found.devices,
      () => most,
    );
    if (devices < most && (this.#here.get(user)?.size ?? 0) <= most) return true;
    const others = await this.#before(socket, user);
    if (others.length < most) return true;
    if (whenFull === 'refuse') {
      leave();
      return false;
    }
    const oldest = others.slice(0, others.length - most + 1);
    this.#replace(user, oldest);
    io.serverSideEmit(makeRoom, user, oldest);
    return true;
  }

  #replace(user: string, ids: readonly string[]): void {
    const own = this.#here.get(user);
    for (const id of ids) {
      const socket = own?.get(id);
      if (socket !== undefined) this.#options.replace(socket);
    }
  }

  #enter(socket: Socket, user: string): () => void {
    let own = this.#here.get(user);
    if (own === undefined) {
      own = new Map();
      this.#here.set(user, own);
    }
    const sockets = own.set(socket.id, socket);
    const leave = (): void => {
      if (sockets.delete(socket.id) && sockets.size === 0 && this.#here.get(user) === sockets) this.#here.delete(user);
    };
    socket.conn.once('close', leave);
    socket.once('disconnect', leave);
    return leave;
  }

  /** The sockets that came before this one, the oldest first. Presence cannot tell: it still counts those that were just cut off. */
  async #before(socket: Socket, user: string): Promise<readonly string[]> {
    const since = new Map<string, number>();
    const own = [...(this.#here.get(user)?.values() ?? [])];
    const after = new Set(own.slice(own.indexOf(socket)).map(({ id }) => id));
    for (const { id, handshake } of own) if (!after.has(id)) since.set(id, handshake.issued);
    const connected = await this.#options.io
      .in(roomOfUser(user))
      .fetchSockets()
      .catch(() => []);
    for (const { id, handshake } of connected) if (!after.has(id)) since.set(id, handshake.issued);
    return [...since].sort(([, one], [, other]) => one - other).map(([id]) => id);
  }
}
