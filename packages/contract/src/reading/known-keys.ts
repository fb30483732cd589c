import { kindOf } from './kind-of.ts';
import { nearest } from './nearest.ts';

/** The keys of some options, all of them: a new one that is forgotten here does not compile. */
export type KeysOf<T> = Readonly<Record<keyof T, true>>;

/**
 * Refuses options that nobody knows: a mistyped name would silently mean the default.
 *
 * @param what - whose options they are, as `startAgent` or `startAgent: hooks`
 * @throws TypeError naming the key, and the one that was probably meant
 */
export function refuseUnknownKeys(what: string, options: unknown, known: Readonly<Record<string, true>>): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${what}: found ${kindOf(options)}, wanted an object`);
  }
  for (const key in options) {
    // What is there without a value is not there.
    if (Object.hasOwn(known, key) || (options as Record<string, unknown>)[key] === undefined) continue;
    throw new TypeError(`${what}: ${key}: ${unknownKey(key, Object.keys(known))}`);
  }
}

/** What is said of a key that nobody knows. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return `found an unknown key, wanted one of ${known.join(', ')}${hint}`;
}
