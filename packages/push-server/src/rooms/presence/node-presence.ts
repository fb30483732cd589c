import type { Logger } from '@gopush/service';
import { SmallSet } from '@gopush/slim-socket-io';
import type { PresenceStore, RoomLeft } from '@gopush/store';
import { paced } from '../../tasks/paced.ts';

/** Someone's first connection came into a room, or their last one left it. */
type OnChange = (room: string, uid: string, change: 'joined' | 'left') => void;

/** A user's first connection came, or their last one ended: told once, on whichever node saw it. */
type OnUser = (uid: string, change: 'connected' | 'disconnected') => void;

/** A room has its first user, or has lost its last: told once, on whichever node saw it. */
type OnRoom = (room: string, uid: string, change: 'occupied' | 'emptied') => void;

/** What attendance needs. */
export interface NodePresenceOptions {
  readonly presence: PresenceStore;
  /** Name of this node on the bus. */
  readonly node: string;
  /** How long what this node said counts after its end without a word, in milliseconds. */
  readonly leaseMs: number;
  /** How long one who was cut off still counts as there, in milliseconds. */
  readonly graceMs: number;
  readonly onChange: OnChange;
  /** The store knows again who is here: what others told those it thought were gone did not come here. */
  readonly onRestored: () => void;
  readonly onUser?: OnUser;
  readonly onRoom?: OnRoom;
  readonly log: Logger;
}

/** Tells the store who is connected to this node, and in which rooms. */
export interface NodePresence {
  /** Resolves when others can see it, or the store is away. */
  entered(socket: string, uid: string): Promise<void>;
  joined(socket: string, uid: string, room: string): void;
  /** A client left a room on purpose. */
  left(socket: string, room: string): void;
  /** A connection ended; it counts until the grace is over. */
  gone(socket: string, rooms: readonly string[]): void;
  /** A connection goes on at another node. Until that has said so it counts here, for a minute at most. */
  moved(socket: string, rooms: readonly string[]): void;
  /** The other node has it, and says so itself. */
  taken(socket: string): void;
  /** The store was away and is back. */
  storeIsBack(): void;
  close(): Promise<void>;
}

interface Present {
  readonly uid: string;
  readonly since: number;
  readonly rooms: SmallSet<string>;
}

/** For how long a connection that was handed over still counts here where no other node is heard to have it, in milliseconds. */
const movedMs = 60_000;

/** The same where one is: what it says of the connection may still be on its way to the store, and nobody is to be seen leaving. */
const takenMs = 1_000;

/** A connection that is no longer here, and still counts. */
interface Leaving {
  readonly rooms: readonly string[];
  readonly timeout: NodeJS.Timeout;
}

/** Opens attendance: the lease begins, and is renewed until it is closed. */
export function createNodePresence(options: NodePresenceOptions): NodePresence {
  const { presence, node, leaseMs, graceMs, onChange, onRestored, onUser, onRoom, log } = options;
  const here = new Map<string, Present>();
  const leaving = new Map<string, Leaving>();
  /** Whether the store has heard all that was said to it. */
  let said = true;
  let closed = false;
  const failed = (error: unknown): void => {
    if (closed) return;
    // The lease ran out, or the store is away: the next beat says everything again.
    if (said) log.warn({ err: error }, 'presence cannot be stored; it is stored again when the store is back');
    said = false;
  };

  /** What tells others of a change has failed: what comes after it goes on. */
  const unexpected = (error: unknown): void => log.error({ err: error }, 'a change of presence could not be published');

  const ask = <T>(work: Promise<T>): Promise<T | undefined> => work.catch((error: unknown) => void failed(error));

  /** Writes of one connection, one after the other: a leave must not overtake its enter. */
  const lines = new Map<string, Promise<void>>();
  function inOrder(socket: string, write: () => Promise<void>): Promise<void> {
    const line = (lines.get(socket) ?? Promise.resolve()).then(write).catch(unexpected);
    lines.set(socket, line);
    return line.finally(() => {
      if (lines.get(socket) === line) lines.delete(socket);
    });
  }

  async function join(socket: string, uid: string, room: string): Promise<void> {
    const joined = await ask(presence.joinRoom(node, room, uid, socket));
    if (joined?.first === true) onChange(room, uid, 'joined');
    if (joined?.occupied === true) onRoom?.(room, uid, 'occupied');
  }

  /** The store may have forgotten, or never heard. */
  async function sayAgain(): Promise<void> {
    await paced([...here], ([socket, present]) =>
      inOrder(socket, async () => {
        // It may have gone while it waited.
        if (here.get(socket) !== present) return;
        const { uid, since, rooms } = present;
        await ask(presence.enter(node, { uid, socket, since }));
        await Promise.all([...rooms].map((room) => join(socket, uid, room)));
      }),
    );
    if (said && !closed) onRestored();
  }

  async function beat(): Promise<void> {
    const lease = await ask(presence.beat(node, leaseMs));
    if (lease === undefined || closed) return;
    if (!said || (lease === 'begun' && here.size > 0)) {
      said = true;
      await sayAgain();
    }
    const swept = await ask(presence.sweep());
    for (const left of swept?.rooms ?? []) tellLeft(left);
    for (const { uid } of swept?.users ?? []) onUser?.(uid, 'disconnected');
  }
  let beating: Promise<void> | undefined;
  /** One at a time. */
  function beatOnce(): Promise<void> {
    beating ??= beat()
      .catch(unexpected)
      .finally(() => {
        beating = undefined;
      });
    return beating;
  }
  const timer = setInterval(() => void beatOnce(), leaseMs / 3).unref();
  const begun = beatOnce();

  function tellLeft({ room, uid, emptied }: RoomLeft): void {
    onChange(room, uid, 'left');
    if (emptied) onRoom?.(room, uid, 'emptied');
  }

  async function leaveRoom(socket: string, room: string): Promise<void> {
    const left = await ask(presence.leaveRoom(node, room, socket));
    if (left?.last === true) tellLeft({ room, ...left });
  }

  async function leave(socket: string, rooms: readonly string[]): Promise<void> {
    await Promise.all(rooms.map((room) => leaveRoom(socket, room)));
    const left = await ask(presence.leave(node, socket));
    if (left?.last === true) onUser?.(left.uid, 'disconnected');
  }

  /** A connection is no longer here, and counts for a while. */
  function leaveIn(ms: number, socket: string, rooms: readonly string[]): void {
    here.delete(socket);
    clearTimeout(leaving.get(socket)?.timeout);
    // What is left is removed when the lease is over: clients that come back elsewhere meanwhile have never been gone.
    if (closed) return;
    const timeout = setTimeout(() => {
      leaving.delete(socket);
      void inOrder(socket, () => leave(socket, rooms));
    }, ms).unref();
    leaving.set(socket, { rooms, timeout });
  }

  return {
    async entered(socket, uid) {
      const since = Date.now();
      here.set(socket, { uid, since, rooms: new SmallSet() });
      clearTimeout(leaving.get(socket)?.timeout);
      leaving.delete(socket);
      await begun;
      await inOrder(socket, async () => {
        const entered = await ask(presence.enter(node, { uid, socket, since }));
        if (entered?.first === true) onUser?.(uid, 'connected');
      });
    },
    joined(socket, uid, room) {
      const present = here.get(socket);
      if (present === undefined || present.rooms.has(room)) return;
      present.rooms.add(room);
      void inOrder(socket, () => join(socket, uid, room));
    },
    left(socket, room) {
      if (here.get(socket)?.rooms.delete(room) === true) void inOrder(socket, () => leaveRoom(socket, room));
    },
    gone: (socket, rooms) => leaveIn(graceMs, socket, rooms),
    moved: (socket, rooms) => leaveIn(movedMs, socket, rooms),
    taken(socket) {
      // One that came back to this very node does not leave.
      const rooms = leaving.get(socket)?.rooms;
      if (rooms !== undefined) leaveIn(takenMs, socket, rooms);
    },
    storeIsBack() {
      // One that is under way may have been asked for while the store was away.
      void (beating ?? begun).then(beatOnce);
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await beating;
      for (const { timeout } of leaving.values()) clearTimeout(timeout);
      leaving.clear();
    },
  };
}
