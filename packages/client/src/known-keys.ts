/** All keys of some options. */
export type KeysOf<T> = Readonly<Record<keyof T, true>>;

/**
 * Refuses unknown options: a mistyped name would silently mean the default.
 *
 * @throws TypeError naming the key, and the known ones
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

/** A name without the order and the case of its letters, which most typing mistakes change. */
function letters(name: string): string {
  return [...name.toLowerCase()].sort().join('');
}
