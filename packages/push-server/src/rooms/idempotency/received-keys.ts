/** A message with an id that a client has had without its being kept. */
export type ReceivedKey = readonly [
  room: string,
  id: string,
  /** Which of its node's deliveries it was; 0: it has arrived, surely. */
  count: number,
];

/** Most that goes along with a session; what is older may come to its client twice. */
export const maxReceivedKeys = 500;

/**
 * What clients of this node have had elsewhere, before they came here: messages with an id that were not kept then. When such a message is
 * given here, it is not given to them.
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

  /** A socket has gone. */
  remove(socket: string): void {
    for (const [room, id] of this.of(socket)) {
      const key = keyOf(room, id);
      const sockets = this.#sockets.get(key);
      if (sockets?.delete(socket) && sockets.size === 0) this.#sockets.delete(key);
    }
    this.#bySocket.delete(socket);
  }

  /** What a socket has had. */
  of(socket: string): readonly ReceivedKey[] {
    return this.#bySocket.get(socket) ?? nothing;
  }

  /** Those who have had a message. */
  whoHad(room: string, id: string | undefined): ReadonlySet<string> {
    if (id === undefined || this.#sockets.size === 0) return nobody;
    return this.#sockets.get(keyOf(room, id)) ?? nobody;
  }
}

const nothing: readonly ReceivedKey[] = [];
const nobody: ReadonlySet<string> = new Set();

function keyOf(room: string, id: string): string {
  return `${room}\0${id}`;
}
