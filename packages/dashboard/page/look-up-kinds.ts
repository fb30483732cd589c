/** What can be looked up: its path, the parameter that names it, and what to enter. */
export const kinds = {
  user: { path: 'cluster/user', parameter: 'uid', label: 'User (uid)', more: {} },
  room: { path: 'cluster/room', parameter: 'room', label: 'Room', more: {} },
  users: { path: 'cluster/search', parameter: 'prefix', label: 'Users that begin with', more: { kind: 'user' } },
  rooms: { path: 'cluster/search', parameter: 'prefix', label: 'Rooms that begin with', more: { kind: 'room' } },
  route: { path: 'cluster/route', parameter: 'uid', label: 'Where a user would go (uid)', more: {} },
  failure: { path: 'cluster/failure', parameter: 'code', label: 'Failure code', more: {} },
} as const;

export type Kind = keyof typeof kinds;

/** A look-up. */
export interface Query {
  readonly kind: Kind;
  readonly name: string;
  /** Empty: the default one. */
  readonly product: string;
  /** Of a room: where the page of users begins. */
  readonly after?: string;
}
