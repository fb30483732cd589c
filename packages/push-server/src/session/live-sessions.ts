import { SmallSet } from '@gopush/slim-socket-io';
import type { Session } from './session.ts';

/** Where a connection keeps its sessions: one for each namespace of its client. */
const ofConnection = Symbol('sessions');
interface Slot {
  [ofConnection]?: SmallSet<Session>;
}

/** The sessions of this node, with lookups in constant time. */
export class LiveSessions {
  readonly #bySocket = new Map<string, Session>();
  readonly #byPid = new Map<string, Session>();

  add(session: Session): void {
    const { socket } = session;
    this.#bySocket.set(socket.id, session);
    this.#byPid.set(session.pid, session);
    const conn = socket.conn as Slot;
    conn[ofConnection] ??= new SmallSet();
    conn[ofConnection].add(session);
  }

  remove(session: Session): void {
    const { socket, pid } = session;
    // A session that was recovered may have replaced it already.
    if (this.#bySocket.get(socket.id) === session) this.#bySocket.delete(socket.id);
    if (this.#byPid.get(pid) === session) this.#byPid.delete(pid);
    (socket.conn as Slot)[ofConnection]?.delete(session);
  }

  /** Whether another session has its place: the same one on another connection. */
  isReplaced(session: Session): boolean {
    const other = this.#bySocket.get(session.socket.id);
    return other !== undefined && other !== session;
  }

  /** By the id of its socket. */
  get(socket: string): Session | undefined {
    return this.#bySocket.get(socket);
  }

  /** By Socket.IO's private id, with which its client asks for it after a reconnect. */
  byPid(pid: string): Session | undefined {
    return this.#byPid.get(pid);
  }

  /** Closes the connection of a session whose client is back: the connection has ended unnoticed. @param pid - the private id */
  closeStale(pid: string): void {
    this.byPid(pid)?.socket.conn.close(true);
  }

  /** Those on one connection of Engine.IO. */
  on(connection: object): Iterable<Session> {
    return (connection as Slot)[ofConnection] ?? none;
  }

  values(): Iterable<Session> {
    return this.#bySocket.values();
  }
}

const none: readonly Session[] = [];
