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

/** What a room inside the push-server is called outside. */
export function nameOf(room: string): { readonly room: string } | { readonly user: string } {
  return room.startsWith('u:') ? { user: room.slice(2) } : { room: room.slice(2) };
}
