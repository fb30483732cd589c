/** A user as all live nodes see them. */
export interface UserPresence {
  /** Connections on nodes whose lease runs; 0: offline. */
  readonly devices: number;
  /** When the oldest of them came, in milliseconds since 1970; `undefined`: offline. */
  readonly since: number | undefined;
  /** When the last connection ended, as long as that is remembered; `undefined`: online, or not known. */
  readonly lastSeen: number | undefined;
  /** Ids of the nodes they are connected to, in order. */
  readonly nodes: readonly string[];
}

/** What live nodes hold. */
export interface PresenceCounts {
  readonly nodes: number;
  /** Connections. */
  readonly sockets: number;
  /** Connections in rooms, each room counted. */
  readonly memberships: number;
}

/** What went with nodes that are gone. */
export interface Swept {
  /** Who has gone offline. */
  readonly users: readonly { readonly uid: string }[];
  /** Who has left a room with their last connection in it. */
  readonly rooms: readonly RoomLeft[];
}

/** Who has left a room with their last connection in it. */
export interface RoomLeft {
  readonly room: string;
  readonly uid: string;
  /** Whether nobody is left in the room. */
  readonly emptied: boolean;
}

/** A user in a room. */
export interface RoomUser {
  readonly uid: string;
  /** Connections of the user in the room. */
  readonly devices: number;
}

/** Some of the users in a room. */
export interface RoomPage {
  readonly users: readonly RoomUser[];
  /** Where the next page begins; `undefined`: this is the last one. */
  readonly next: string | undefined;
}

/**
 * Who is connected where. What a node says counts while its lease runs, see `beat`; after that a sweep removes it. A change tells whether
 * it was the one that counts (first connection, last connection), so that of all nodes exactly one sees each.
 */
export interface PresenceStore {
  /**
   * Starts or renews a node's lease, which belongs to this store: a node that was started again begins anew, and its earlier life ends
   * with its lease.
   *
   * @param leaseMs - from 1 on, in milliseconds
   * @returns `begun`: there was none that runs. What the node said before may have been swept: it says all of it again
   * @throws StoreError
   */
  beat(node: string, leaseMs: number): Promise<'renewed' | 'begun'>;
  /** A connection has come. @returns whether its user was offline before. @throws StoreError `no_lease` and the others */
  enter(
    node: string,
    who: { readonly uid: string; readonly socket: string; readonly since: number },
  ): Promise<{ readonly first: boolean }>;
  /**
   * A connection has ended; its rooms are left by `leaveRoom`.
   *
   * @returns its user, and whether this was the last connection; `undefined` where it is not known
   */
  leave(node: string, socket: string): Promise<{ readonly uid: string; readonly last: boolean } | undefined>;
  /**
   * A connection has entered a room.
   *
   * @returns whether its user was not in it before (`first`), and whether nobody was (`occupied`)
   * @throws StoreError `no_lease` and the others
   */
  joinRoom(
    node: string,
    room: string,
    uid: string,
    socket: string,
  ): Promise<{ readonly first: boolean; readonly occupied: boolean }>;
  /**
   * A connection has left a room.
   *
   * @returns its user, whether none of theirs is left (`last`), and whether nobody is (`emptied`); `undefined` where it is not known
   */
  leaveRoom(
    node: string,
    room: string,
    socket: string,
  ): Promise<{ readonly uid: string; readonly last: boolean; readonly emptied: boolean } | undefined>;
  user(uid: string): Promise<UserPresence>;
  /**
   * Who is in a room, a page at a time; each page in order of the uids. Whoever is there from the first page to the last is on one of them.
   *
   * @param limit - most users of a page, from 1 on
   * @param after - `next` of the page before; absent: the first page
   * @throws StoreError `bad_argument` for an `after` that no page gave, and the others
   */
  room(room: string, limit: number, after?: string): Promise<RoomPage>;
  counts(): Promise<PresenceCounts>;
  /** Removes what nodes without a lease had said. Of several sweepers one is told of each change. */
  sweep(): Promise<Swept>;
}
