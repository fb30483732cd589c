/** Presence of a user on all live nodes. */
export interface UserPresence {
  /** Connections on nodes with a valid lease; 0: offline. */
  readonly devices: number;
  /** When the oldest of them began, in milliseconds since 1970; `undefined`: offline. */
  readonly since: number | undefined;
  /** When the last connection ended, in milliseconds since 1970; `undefined`: online, or not remembered. */
  readonly lastSeen: number | undefined;
  /** Ids of the nodes with these connections, sorted. */
  readonly nodes: readonly string[];
}

/** Totals of all live nodes. */
export interface PresenceCounts {
  readonly nodes: number;
  /** Connections. */
  readonly sockets: number;
  /** Connections in rooms, each room counted. */
  readonly memberships: number;
}

/** Entries that a sweep has removed, of nodes whose lease expired. */
export interface Swept {
  /** Users who went offline. */
  readonly users: readonly { readonly uid: string }[];
  /** Users whose last connection in a room left it. */
  readonly rooms: readonly RoomLeft[];
}

/** A user whose last connection in a room left it. */
export interface RoomLeft {
  readonly room: string;
  readonly uid: string;
  /** Whether the room is empty now. */
  readonly emptied: boolean;
}

/** A user in a room. */
export interface RoomUser {
  readonly uid: string;
  /** Connections of the user in the room. */
  readonly devices: number;
}

/** A page of the users in a room. */
export interface RoomPage {
  readonly users: readonly RoomUser[];
  /** Where the next page begins; `undefined`: this is the last one. */
  readonly next: string | undefined;
}

/** Names that were found. */
export interface FoundNames {
  readonly names: readonly string[];
  /** Whether these are all; otherwise there are more, or too much would have to be looked at to know. */
  readonly isWhole: boolean;
}

/**
 * Which user is connected to which node. Entries of a node count while its lease is valid, see `beat`; after that a
 * sweep removes them. A change returns whether it was the first or last connection, so that exactly one node sees
 * that a user came or went.
 */
export interface PresenceStore {
  /**
   * Begins or renews a node's lease. The lease belongs to this store object: a restarted node begins a new one, and its earlier one expires.
   *
   * @param leaseMs - in milliseconds, at least 1
   * @returns `begun`: there was no valid lease. The node's entries may have been swept, so it has to write all of them again
   * @throws StoreError
   */
  beat(node: string, leaseMs: number): Promise<'renewed' | 'begun'>;
  /** Adds a connection. @returns whether its user was offline before. @throws StoreError `no_lease` and the others */
  enter(
    node: string,
    who: { readonly uid: string; readonly socket: string; readonly since: number },
  ): Promise<{ readonly first: boolean }>;
  /**
   * Removes a connection, but not from its rooms: see `leaveRoom`.
   *
   * @returns its user, and whether this was their last connection; `undefined` if the connection is not known
   */
  leave(node: string, socket: string): Promise<{ readonly uid: string; readonly last: boolean } | undefined>;
  /**
   * Adds a connection to a room.
   *
   * @returns `first`: its user was not in the room before; `occupied`: the room was empty before
   * @throws StoreError `no_lease` and the others
   */
  joinRoom(
    node: string,
    room: string,
    uid: string,
    socket: string,
  ): Promise<{ readonly first: boolean; readonly occupied: boolean }>;
  /**
   * Removes a connection from a room.
   *
   * @returns its user; `last`: no connection of that user is left in the room; `emptied`: the room is empty; `undefined` if it was not in it
   */
  leaveRoom(
    node: string,
    room: string,
    socket: string,
  ): Promise<{ readonly uid: string; readonly last: boolean; readonly emptied: boolean } | undefined>;
  user(uid: string): Promise<UserPresence>;
  /**
   * Returns a page of the users in a room, sorted by uid. A user who is in the room all the while is on one of the pages.
   *
   * @param limit - most users of a page, at least 1
   * @param after - `next` of the previous page; absent: the first page
   * @throws StoreError `bad_argument` for an `after` that no page returned, and the others
   */
  room(room: string, limit: number, after?: string): Promise<RoomPage>;
  /**
   * Finds the users that are online, or the rooms with users in them, by how their names begin. It looks at a bounded number of entries, in small
   * steps: the store serves others in between.
   *
   * @param limit - most names, at least 1. If there are more, in a folder the first ones, in Redis any
   * @throws StoreError
   */
  find(kind: 'user' | 'room', prefix: string, limit: number): Promise<FoundNames>;
  /**
   * Finds the rooms that a user is in, in the same way.
   *
   * @param limit - most rooms, at least 1
   * @throws StoreError
   */
  roomsOf(uid: string, limit: number): Promise<FoundNames>;
  counts(): Promise<PresenceCounts>;
  /** Removes the entries of nodes without a valid lease. If several nodes sweep, each change is returned to one of them. */
  sweep(): Promise<Swept>;
}
