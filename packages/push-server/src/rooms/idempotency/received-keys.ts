/** A message with an idempotency key that a client received without its being kept. */
export type ReceivedKey = readonly [
  room: string,
  id: string,
  /** The counter of the delivery at its node; 0: it has certainly arrived. */
  count: number,
];

/** Most keys that are stored with a session. Older messages may reach its client twice. */
export const maxReceivedKeys = 500;

/**
 * Idempotency keys of messages that clients of this node received at other nodes, before these messages were kept. When such a message is
 * delivered here, these clients do not get it.
 */
export class ReceivedKeys {
  readonly #sockets = new Map<string, Set<string>>();
  readonly #bySocket = new Map<string, readonly ReceivedKey[]>();

  add(socket: string, had: readonly ReceivedKey[]): void {
    if (had.length === 0) return;
    this.#bySocket.set(
      socket,
      had.map(([room, id]) => [room, id, 0]),
    );
    for (const [room, id] of had) {
      const key = keyOf(room, id);
      const sockets = this.#sockets.get(key);
      if (sockets === undefined) this.#sockets.set(key, new Set([socket]));
      else sockets.add(socket);
    }
  }

  /** Forgets a socket that has ended. */
  remove(socket: string): void {
    for (const [room, id] of this.of(socket)) {
      const key = keyOf(room, id);
      const sockets = this.#sockets.get(key);
      if (sockets?.delete(socket) && sockets.size === 0) this.#sockets.delete(key);
    }
    this.#bySocket.delete(socket);
  }

  /** The keys of messages that a socket received elsewhere. */
  of(socket: string): readonly ReceivedKey[] {
    return this.#bySocket.get(socket) ?? nothing;
  }

  /** The sockets that received a message elsewhere. */
  receiversOf(room: string, id: string | undefined): ReadonlySet<string> {
    if (id === undefined || this.#sockets.size === 0) return none;
    return this.#sockets.get(keyOf(room, id)) ?? none;
  }
}

const nothing: readonly ReceivedKey[] = [];
const none: ReadonlySet<string> = new Set();

function keyOf(room: string, id: string): string {
  return `${room}\0${id}`;
}
