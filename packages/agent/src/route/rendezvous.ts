/** A choice for a key. */
export interface Choice {
  /** Hash of its name, by {@link hashText} with {@link seedOfTargets}. */
  readonly hash: number;
}

/**
 * The choice for a key: always the same one while it is there, evenly spread by weight. When one goes, only its own keys get another; when one
 * comes, it takes its share from all others alike.
 *
 * Weighted rendezvous hashing: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); the weights
 * by the logarithmic method of Schindelhauer and Schomaker (2005), https://en.wikipedia.org/wiki/Rendezvous_hashing.
 *
 * @param weightOf - the weight of a choice; 0 excludes it
 * @returns `undefined` if there is none to choose
 */
export function pickByRendezvous<C extends Choice>(
  product: string,
  uid: string,
  choices: readonly C[],
  weightOf: (choice: C) => number,
): C | undefined {
  const client = hashText(uid, hashText(product, 0));
  let best: C | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const choice of choices) {
    const weight = weightOf(choice);
    if (weight === 0) continue;
    const score = -weight / Math.log(fraction(mix(client, choice.hash)));
    if (score > bestScore || (score === bestScore && best !== undefined && choice.hash < best.hash)) {
      best = choice;
      bestScore = score;
    }
  }
  return best;
}

/** Keeps the hashes of targets apart from those of clients. */
export const seedOfTargets = 0x9e3779b9;

/** FNV-1a over UTF-16 units (http://www.isthe.com/chongo/tech/comp/fnv/), finished by murmur3 so that near names are far apart. */
export function hashText(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return finish(hash);
}

function mix(a: number, b: number): number {
  return finish(Math.imul(a ^ (b >>> 15), 0x2c1b3c6d) ^ b);
}

/** The 32-bit finalizer of MurmurHash3 (https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp). */
function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A hash as a number between 0 and 1, both excluded: their logarithms are of no use. */
function fraction(hash: number): number {
  return ((hash >>> 0) + 0.5) / 4294967296;
}
