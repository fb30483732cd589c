/**
 * Rooms are spread over this many buckets, and nodes tell each other which buckets they follow. So a node tells each peer 32 KiB at most, for any
 * number of rooms. A node also gets messages of other rooms in its buckets, and drops them; with 20,000 rooms on a node that
 * is one message in thirteen.
 */
export const bucketCount = 2 ** 18;

/** The bucket of a room: FNV-1a over its name. */
export function bucketOf(room: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < room.length; index++) hash = Math.imul(hash ^ room.charCodeAt(index), 0x01000193);
  // The upper bits of such a hash are the better ones.
  return ((hash ^ (hash >>> 15)) >>> 0) % bucketCount;
}

/** A set of buckets as bits, in which form it travels. */
export class BucketSet {
  readonly bytes: Buffer;

  /** @param bytes - the bits of another one, which must not change any more */
  constructor(bytes: Buffer = Buffer.alloc(bucketCount / 8)) {
    this.bytes = bytes;
  }

  has(bucket: number): boolean {
    return ((this.bytes[bucket >> 3] as number) & (1 << (bucket & 7))) !== 0;
  }

  add(bucket: number): void {
    this.bytes[bucket >> 3] = (this.bytes[bucket >> 3] as number) | (1 << (bucket & 7));
  }

  delete(bucket: number): void {
    this.bytes[bucket >> 3] = (this.bytes[bucket >> 3] as number) & ~(1 << (bucket & 7));
  }
}

/** Counts the followers of each bucket on this node. */
export class BucketCounts {
  readonly #counts = new Map<number, number>();

  /** @returns whether it is the first follower */
  add(bucket: number): boolean {
    const count = this.#counts.get(bucket) ?? 0;
    this.#counts.set(bucket, count + 1);
    return count === 0;
  }

  /** @returns whether it was the last follower */
  remove(bucket: number): boolean {
    const count = this.#counts.get(bucket) ?? 0;
    if (count > 1) {
      this.#counts.set(bucket, count - 1);
      return false;
    }
    return this.#counts.delete(bucket);
  }

  has(bucket: number): boolean {
    return this.#counts.has(bucket);
  }

  keys(): Iterable<number> {
    return this.#counts.keys();
  }
}
