import type { Logger } from '@gopush/service';
import { SmallSet } from '@gopush/slim-socket-io';
import type { PresenceStore } from '@gopush/store';
import { forEachLimited } from '../../tasks/for-each-limited.ts';
import { OrderedWrites } from './ordered-writes.ts';
import { type PresenceEvents, PresenceWriter } from './presence-writer.ts';

/** Options of the presence of a node. */
export interface NodePresenceOptions extends PresenceEvents {
  readonly presence: PresenceStore;
  /** Name of this node on the bus. */
  readonly node: string;
  /** Presence lease: how long the clients of a node that died still count as online, in milliseconds. */
  readonly leaseMs: number;
  /** How long a client whose connection ended still counts as online, in milliseconds. */
  readonly graceMs: number;
  /** The store knows the clients of this node again. While it did not, messages of other nodes did not come here. */
  readonly onRestored: () => void;
  readonly log: Logger;
}

/** A connection of this node. */
interface Present {
  readonly uid: string;
  /** When it began, in milliseconds since 1970. */
  readonly since: number;
  /** Made with the first, as many clients enter none. */
  rooms: SmallSet<string> | undefined;
}

/** A connection that is no longer here, and still counts. */
interface Leaving {
  readonly rooms: readonly string[];
  readonly timeout: NodeJS.Timeout;
}

/** How long a connection of a migrated session still counts here while no other node is known to have it, in milliseconds. */
const migratedMs = 60_000;

/**
 * The same time once another node has the connection. What that node writes may still be on its way to the store, and no user may be seen leaving.
 */
const takenMs = 1_000;

/**
 * Keeps the store informed who is connected to this node, and in which rooms. A lease is renewed until it is closed: the clients of a node
 * that dies count as online until its lease is over.
 */
export class NodePresence {
  readonly #options: NodePresenceOptions;
  readonly #writer: PresenceWriter;
  readonly #writes: OrderedWrites;
  readonly #here = new Map<string, Present>();
  readonly #leaving = new Map<string, Leaving>();
  /** Whether the store has everything. */
  #isWritten = true;
  #isClosed = false;
  #beating: Promise<void> | undefined;
  /** Resolves when the lease has begun, or the store is down. */
  readonly #begun: Promise<void>;
  readonly #timer: NodeJS.Timeout;

  constructor(options: NodePresenceOptions) {
    this.#options = options;
    const { presence, node, leaseMs } = options;
    this.#writer = new PresenceWriter({
      store: presence,
      node,
      events: options,
      onFailed: (error) => this.#failed(error),
    });
    this.#writes = new OrderedWrites((error) => this.#unexpected(error));
    this.#timer = setInterval(() => void this.#beatOnce(), leaseMs / 3).unref();
    this.#begun = this.#beatOnce();
  }

  /** A connection began. Resolves when others can see it, or the store is down. */
  async entered(socket: string, uid: string): Promise<void> {
    const since = Date.now();
    this.#here.set(socket, { uid, since, rooms: undefined });
    clearTimeout(this.#leaving.get(socket)?.timeout);
    this.#leaving.delete(socket);
    await this.#begun;
    await this.#writes.add(socket, () => this.#writer.enter(socket, uid, since));
  }

  /** A client entered a room. */
  joined(socket: string, uid: string, room: string): void {
    const present = this.#here.get(socket);
    if (present === undefined || present.rooms?.has(room) === true) return;
    present.rooms ??= new SmallSet();
    present.rooms.add(room);
    void this.#writes.add(socket, () => this.#writer.joinRoom(socket, uid, room));
  }

  /** A client left a room on purpose. */
  left(socket: string, room: string): void {
    if (this.#here.get(socket)?.rooms?.delete(room) !== true) return;
    void this.#writes.add(socket, () => this.#writer.leaveRoom(socket, room));
  }

  /** A connection ended; it counts until the grace is over. */
  gone(socket: string, rooms: readonly string[]): void {
    this.#leaveIn(this.#options.graceMs, socket, rooms);
  }

  /** A session migrated. Its connection counts here until another node has it, for a minute at most. */
  migrated(socket: string, rooms: readonly string[]): void {
    this.#leaveIn(migratedMs, socket, rooms);
  }

  /** Another node has the connection, and writes so itself. */
  taken(socket: string): void {
    // A connection that came back to this very node does not leave.
    const rooms = this.#leaving.get(socket)?.rooms;
    if (rooms !== undefined) this.#leaveIn(takenMs, socket, rooms);
  }

  /** The store was down and is back. */
  storeIsBack(): void {
    // A beat that is under way may have been sent while the store was down.
    void (this.#beating ?? this.#begun).then(() => this.#beatOnce());
  }

  /** Renews the lease no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#beating;
    for (const { timeout } of this.#leaving.values()) clearTimeout(timeout);
    this.#leaving.clear();
  }

  /** One at a time. */
  #beatOnce(): Promise<void> {
    this.#beating ??= this.#beat()
      .catch((error: unknown) => this.#unexpected(error))
      .finally(() => {
        this.#beating = undefined;
      });
    return this.#beating;
  }

  async #beat(): Promise<void> {
    const lease = await this.#writer.beat(this.#options.leaseMs);
    if (lease === undefined || this.#isClosed) return;
    if (!this.#isWritten || (lease === 'begun' && this.#here.size > 0)) {
      this.#isWritten = true;
      await this.#writeAll();
    }
    await this.#writer.sweep();
  }

  /** The store may have forgotten everything, or never got it. */
  async #writeAll(): Promise<void> {
    await forEachLimited([...this.#here], ([socket, present]) =>
      this.#writes.add(socket, async () => {
        // It may have ended while it waited.
        if (this.#here.get(socket) !== present) return;
        const { uid, since, rooms } = present;
        await this.#writer.repeat(socket, uid, since);
        await Promise.all([...(rooms ?? [])].map((room) => this.#writer.joinRoom(socket, uid, room)));
      }),
    );
    if (this.#isWritten && !this.#isClosed) this.#options.onRestored();
  }

  /** A connection is no longer here, and counts for a while. */
  #leaveIn(ms: number, socket: string, rooms: readonly string[]): void {
    this.#here.delete(socket);
    clearTimeout(this.#leaving.get(socket)?.timeout);
    // The rest is removed when the lease is over: clients that reconnect elsewhere meanwhile have never left.
    if (this.#isClosed) return;
    const timeout = setTimeout(() => {
      this.#leaving.delete(socket);
      void this.#writes.add(socket, () => this.#writer.leave(socket, rooms));
    }, ms).unref();
    this.#leaving.set(socket, { rooms, timeout });
  }

  #failed(error: unknown): void {
    if (this.#isClosed) return;
    // The lease is over, or the store is down: the next beat writes everything again.
    if (this.#isWritten) {
      this.#options.log.warn({ err: error }, 'presence cannot be stored; it is stored again when the store is back');
    }
    this.#isWritten = false;
  }

  /** Publishing a change failed: what comes after it continues. */
  #unexpected(error: unknown): void {
    this.#options.log.error({ err: error }, 'a change of presence could not be published');
  }
}
