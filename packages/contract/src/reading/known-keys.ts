import { kindOf } from './kind-of.ts';
import { nearest } from './nearest.ts';

/** All keys of an options type. A missing key does not compile. */
export type KeysOf<T> = Readonly<Record<keyof T, true>>;

/**
 * Rejects unknown options: a mistyped name would silently mean the default.
 *
 * @param what - whose options they are, as `startAgent` or `startAgent: hooks`
 * @throws TypeError that names the key, and the one that was probably meant
 */
export function refuseUnknownKeys(what: string, options: unknown, known: Readonly<Record<string, true>>): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${what}: found ${kindOf(options)}, wanted an object`);
  }
  for (const key in options) {
    // A key with the value undefined counts as absent.
    if (Object.hasOwn(known, key) || (options as Record<string, unknown>)[key] === undefined) continue;
    throw new TypeError(`${what}: ${key}: ${unknownKey(key, Object.keys(known))}`);
  }
}

/** Message for an unknown key. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return `found an unknown key, wanted one of ${known.join(', ')}${hint}`;
}
