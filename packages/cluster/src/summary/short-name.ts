/** Longest names in a summary, in characters: of products, targets, rooms, and the like. */
export const longestName = 200;

/** A name that is not too long for a summary. */
export function shortName(name: string): string {
  return name.length <= longestName ? name : `${name.slice(0, longestName - 1)}…`;
}
