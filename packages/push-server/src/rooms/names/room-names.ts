import { defaultProduct } from '@gopush/contract';

/**
 * Names inside the push-server. A room that clients name and the room of a user have names of different kinds, so that no client can
 * join the room of another user, or of another socket, by its name (docs/decisions/0004). With `pushServer.isolateProducts` both begin with
 * a scope, that of the product: rooms and users of different products have nothing to do with each other.
 *
 * Names of rooms, users and products hold no control characters, so this one ends a scope without doubt.
 */
const scopeEnd = '\u001f';

/** What the names of one product begin with; `''`: the default product, or all of them where products are not isolated. */
export type Scope = string;

/** Says which scope a product has. */
export type ScopeOf = (product: string) => Scope;

/** @param isolated - `pushServer.isolateProducts` */
export function createScopeOf(isolated: boolean): ScopeOf {
  return isolated ? (product) => (product === defaultProduct ? '' : product + scopeEnd) : () => '';
}

/** The room that clients of a product know by this name. */
export function roomOfClients(room: string, scope: Scope = ''): string {
  return `r:${scope}${room}`;
}

/** Whether a name inside is of one of our kinds, rather than one that handlers or Socket.IO itself gave. */
export function isOfOwnKind(room: string): boolean {
  return /^[rups]:/.test(room);
}

/** The room in which all devices of a user are. @param user - the uid, after the scope of its product */
export function roomOfUser(user: string): string {
  return `u:${user}`;
}

/** The room of all clients of a product, where products are isolated. */
export function roomOfProduct(product: string): string {
  return `p:${product}`;
}

/** The room of those for whom so much waits that volatile messages leave them out; each push-server has its own. */
export const slowClients = 's:slow';

/** The name without its scope: of a room without its kind, or of a user. */
export function withoutScope(name: string): string {
  return name.slice(name.lastIndexOf(scopeEnd) + 1);
}

/** The scope of a user, or of a room without its kind. */
export function scopeIn(name: string): Scope {
  return name.slice(0, name.lastIndexOf(scopeEnd) + 1);
}

/** The name by which clients know a room; `undefined` for that of a user. */
export function nameOfClients(room: string): string | undefined {
  return room.startsWith('r:') ? plainName(room) : undefined;
}

/** The name of a room, or the uid whose room it is, as it is known outside. */
export function plainName(room: string): string {
  return withoutScope(room.slice(2));
}

/** What programs outside are told of the product of a scope: nothing where it is the default one, or products are not isolated. */
export function productIn(name: string): { readonly product?: string } {
  const scope = scopeIn(name);
  return scope === '' ? {} : { product: scope.slice(0, -1) };
}

/** What a room inside the push-server is called outside. */
export function nameOf(
  room: string,
): ({ readonly room: string } | { readonly user: string }) & { readonly product?: string } {
  const product = productIn(room.slice(2));
  return room.startsWith('u:') ? { user: plainName(room), ...product } : { room: plainName(room), ...product };
}
