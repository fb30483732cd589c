/**
 * Inside the push-server a room that clients name and the room of a user have names of different kinds, so that no client can
 * enter the room of another user, or of another socket, by its name (docs/decisions/0004).
 */
export function roomOfClients(room: string): string {
  return `r:${room}`;
}

/** The room in which all devices of a user are. */
export function roomOfUser(uid: string): string {
  return `u:${uid}`;
}

/** The room of those for whom so much waits that volatile messages leave them out; each push-server has its own. */
export const slowClients = 's:slow';

/** The name by which clients know a room; `undefined` for that of a user. */
export function nameOfClients(room: string): string | undefined {
  return room.startsWith('r:') ? room.slice(2) : undefined;
}

/** What a room inside the push-server is called outside. */
export function nameOf(room: string): { readonly room: string } | { readonly user: string } {
  return room.startsWith('u:') ? { user: room.slice(2) } : { room: room.slice(2) };
}
