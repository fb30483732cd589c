import { Following } from './following.ts';
import { BucketCounts } from './room-buckets.ts';

/** Announces to other nodes which buckets this one follows. */
export interface BucketAnnouncer {
  /** A bucket gets its first follower. @returns whether others can be told now */
  begin(bucket: number): boolean;
  /** Announces a bucket, and adds the nodes that are to know of it. */
  announce(bucket: number, following: Following): void;
}

/** The buckets of rooms that this node follows, each as often as it was asked to. */
export class BucketFollows {
  readonly #announcer: BucketAnnouncer;
  readonly #waitMs: number;
  readonly #counts = new BucketCounts();
  /** Buckets that not all others know of yet. */
  readonly #becoming = new Map<number, Following>();

  /** @param waitMs - how long a follower waits at most until others know of its bucket, in milliseconds */
  constructor(announcer: BucketAnnouncer, waitMs: number) {
    this.#announcer = announcer;
    this.#waitMs = waitMs;
  }

  /**
   * Follows a bucket, once more if it is followed already.
   *
   * @param onLate - called if another node comes to know of it after this has resolved
   * @returns resolves when others know of it, or can be waited for no longer
   */
  follow(bucket: number, onLate: () => void): Promise<void> {
    if (this.#counts.add(bucket) && this.#announcer.begin(bucket)) this.#announce(bucket);
    const following = this.#becoming.get(bucket);
    if (following === undefined) return nothingToDo;
    following.whenLate(onLate);
    return following.known;
  }

  /** Unfollows a bucket once. @returns whether it has no followers left */
  unfollow(bucket: number): boolean {
    if (!this.#counts.remove(bucket)) return false;
    this.#becoming.delete(bucket);
    return true;
  }

  has(bucket: number): boolean {
    return this.#counts.has(bucket);
  }

  keys(): Iterable<number> {
    return this.#counts.keys();
  }

  #announce(bucket: number): void {
    const following: Following = new Following(this.#waitMs, () => {
      if (this.#becoming.get(bucket) === following) this.#becoming.delete(bucket);
    });
    this.#becoming.set(bucket, following);
    this.#announcer.announce(bucket, following);
    following.begin();
  }
}

const nothingToDo = Promise.resolve();
