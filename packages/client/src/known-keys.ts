/** The keys of some options, all of them. */
export type KeysOf<T> = Readonly<Record<keyof T, true>>;

/**
 * Refuses options that nobody knows: a mistyped name would silently mean the default.
 *
 * @throws TypeError naming the key, and those that there are
 */
export function refuseUnknownKeys(what: string, options: object, known: Readonly<Record<string, true>>): void {
  for (const key of Object.keys(options)) {
    if (Object.hasOwn(known, key)) continue;
    const names = Object.keys(known);
    const meant = names.find((name) => letters(name) === letters(key) || name.startsWith(key) || key.startsWith(name));
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw new TypeError(`${what}: ${key}: found an unknown key, wanted one of ${names.join(', ')}${hint}`);
  }
}

/** A name without the order and the case of its letters: most mistakes in typing are of these. */
function letters(name: string): string {
  return [...name.toLowerCase()].sort().join('');
}
