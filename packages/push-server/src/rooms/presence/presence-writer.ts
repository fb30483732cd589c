import type { PresenceStore, RoomLeft } from '@gopush/store';

/** Events for changes of presence; each change is reported once, on the node that saw it. */
export interface PresenceEvents {
  /** The first connection of a user entered a room, or the last one left it. */
  readonly onChange: (room: string, uid: string, change: 'joined' | 'left') => void;
  /** The first connection of a user began, or the last one ended. */
  readonly onUser?: (uid: string, change: 'connected' | 'disconnected') => void;
  /** A room got its first user, or lost its last one. */
  readonly onRoom?: (room: string, uid: string, change: 'occupied' | 'emptied') => void;
}

/** What writing presence needs. */
export interface PresenceWriterOptions {
  readonly store: PresenceStore;
  /** Name of this node on the bus. */
  readonly node: string;
  readonly events: PresenceEvents;
  /** Told of each write that failed. */
  readonly onFailed: (error: unknown) => void;
}

/** Writes to the store who is connected to this node, and reports the changes. Writes that fail do not reject. */
export class PresenceWriter {
  readonly #options: PresenceWriterOptions;

  constructor(options: PresenceWriterOptions) {
    this.#options = options;
  }

  /** Renews the lease of this node. @returns `undefined` if that failed */
  beat(leaseMs: number): Promise<'renewed' | 'begun' | undefined> {
    const { store, node } = this.#options;
    return this.#ask(store.beat(node, leaseMs));
  }

  /** Writes a connection again; no event is sent. */
  async repeat(socket: string, uid: string, since: number): Promise<void> {
    const { store, node } = this.#options;
    await this.#ask(store.enter(node, { uid, socket, since }));
  }

  /** Writes a connection. @param since - when it began, in milliseconds since 1970 */
  async enter(socket: string, uid: string, since: number): Promise<void> {
    const { store, node, events } = this.#options;
    const entered = await this.#ask(store.enter(node, { uid, socket, since }));
    if (entered?.first === true) events.onUser?.(uid, 'connected');
  }

  async joinRoom(socket: string, uid: string, room: string): Promise<void> {
    const { store, node, events } = this.#options;
    const joined = await this.#ask(store.joinRoom(node, room, uid, socket));
    if (joined?.first === true) events.onChange(room, uid, 'joined');
    if (joined?.occupied === true) events.onRoom?.(room, uid, 'occupied');
  }

  async leaveRoom(socket: string, room: string): Promise<void> {
    const { store, node } = this.#options;
    const left = await this.#ask(store.leaveRoom(node, room, socket));
    if (left?.last === true) this.#tellLeft({ room, ...left });
  }

  /** Removes a connection, from its rooms as well. */
  async leave(socket: string, rooms: readonly string[]): Promise<void> {
    const { store, node, events } = this.#options;
    await Promise.all(rooms.map((room) => this.leaveRoom(socket, room)));
    const left = await this.#ask(store.leave(node, socket));
    if (left?.last === true) events.onUser?.(left.uid, 'disconnected');
  }

  /** Removes the connections of nodes whose lease is over. */
  async sweep(): Promise<void> {
    const { store, events } = this.#options;
    const swept = await this.#ask(store.sweep());
    for (const left of swept?.rooms ?? []) this.#tellLeft(left);
    for (const { uid } of swept?.users ?? []) events.onUser?.(uid, 'disconnected');
  }

  #tellLeft({ room, uid, emptied }: RoomLeft): void {
    const { onChange, onRoom } = this.#options.events;
    onChange(room, uid, 'left');
    if (emptied) onRoom?.(room, uid, 'emptied');
  }

  #ask<T>(work: Promise<T>): Promise<T | undefined> {
    return work.catch((error: unknown) => void this.#options.onFailed(error));
  }
}
