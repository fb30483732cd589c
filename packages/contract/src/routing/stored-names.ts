import { defaultProduct } from '../identity/identity.ts';

/** Ends the product in the stored names of its users and rooms. Names hold no control characters, so no name contains it. */
export const scopeEnd = '\u001f';

/**
 * The beginning of the stored names of a product's users and rooms.
 *
 * @param isIsolated - `pushServer.isolateProducts`; otherwise all products share their users and rooms
 */
export function scopeOfProduct(product: string, isIsolated: boolean): string {
  return !isIsolated || product === defaultProduct ? '' : product + scopeEnd;
}

/** The stored name of a room of clients. @param scope - of its product */
export function storedRoom(room: string, scope: string): string {
  return `r:${scope}${room}`;
}
