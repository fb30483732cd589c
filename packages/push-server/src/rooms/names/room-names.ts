import { storedRoom } from '@gopush/contract';
import { productIn, type Scope, withoutScope } from './product-scope.ts';

/*
 * Full names of rooms inside the push-server. Each begins with its kind, so that no client can join the room of another user, or of
 * another socket, by naming it (docs/decisions/0004). The scope of the product follows.
 */

/** The full name of the room that clients of a product know by this name. */
export function roomOfClients(room: string, scope: Scope = ''): string {
  return storedRoom(room, scope);
}

/** The room that holds all devices of a user. @param user - the uid, after the scope of its product */
export function roomOfUser(user: string): string {
  return `u:${user}`;
}

/** The room of all clients of a product, if products are isolated. */
export function roomOfProduct(product: string): string {
  return `p:${product}`;
}

/** The room of slow clients, for which too much waits: volatile messages leave them out. Each push-server has its own. */
export const slowClients = 's:slow';

/** Whether a full name has one of these kinds. Names that handlers or Socket.IO itself gave have none. */
export function isOfOwnKind(room: string): boolean {
  return /^[rups]:/.test(room);
}

/** The name by which clients know a room; `undefined` for the room of a user. */
export function nameOfClients(room: string): string | undefined {
  return room.startsWith('r:') ? plainName(room) : undefined;
}

/** The name of a room, or the uid of the user whose room it is, without kind and scope. */
export function plainName(room: string): string {
  return withoutScope(room.slice(2));
}

/** What programs outside call a room: its name or its user, and its product. */
export function nameOf(
  room: string,
): ({ readonly room: string } | { readonly user: string }) & { readonly product?: string } {
  const product = productIn(room.slice(2));
  return room.startsWith('u:') ? { user: plainName(room), ...product } : { room: plainName(room), ...product };
}
