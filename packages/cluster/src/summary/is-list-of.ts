/** Whether a value is a list of the wanted form. */
type Check = (value: unknown) => boolean;

/**
 * Checks lists. Not an array of the schema's own kind: that copies each entry, which would take most of the time of reading a summary.
 *
 * @param most - longest list
 */
export function isListOf(isEntry: Check, most: number): Check {
  return (value) => {
    if (!Array.isArray(value) || value.length > most) return false;
    for (const entry of value as unknown[]) if (!isEntry(entry)) return false;
    return true;
  };
}

/** Checks objects by their fields. What it does not know is left as it is. */
export function isRowOf<T extends object>(checks: { readonly [K in keyof Required<T>]: Check }): Check {
  const fields = Object.entries<Check>(checks);
  return (value) => {
    if (typeof value !== 'object' || value === null) return false;
    for (const [key, isWanted] of fields) if (!isWanted((value as Record<string, unknown>)[key])) return false;
    return true;
  };
}
