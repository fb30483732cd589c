import { perMinute, TokenBucket } from './token-bucket.ts';

/** How often secrets may be tried: from one address, and in all. */
const rates = { address: perMinute(10), all: perMinute(60) };

/** Most addresses that are counted one by one; all others share one bucket. */
const maxAddresses = 1_000;

/** Most addresses from which a right secret came that are remembered. */
const maxProven = 100;

/** Counts attempts at a password or a key, by address. */
export class Attempts {
  readonly #all = new TokenBucket(rates.all, performance.now());
  readonly #others = new TokenBucket(rates.address, performance.now());
  readonly #byAddress = new Map<string, TokenBucket>();
  readonly #proven = new Set<string>();

  /** Counts an attempt. An address with too many takes nothing of the bucket for all addresses. @returns `false` for one too many */
  take(address: string): boolean {
    const now = performance.now();
    return this.#bucketOf(address, now).take(now) && this.#all.take(now);
  }

  /** A right secret came from an address. From then on, attempts of other addresses do not make it wait: they could keep it out. */
  proved(address: string): void {
    this.#proven.delete(address);
    this.#proven.add(address);
    for (const oldest of this.#proven) {
      if (this.#proven.size <= maxProven) return;
      this.#proven.delete(oldest);
    }
  }

  /** Whether an address has none left. */
  isSpent(address: string): boolean {
    const now = performance.now();
    const isTrusted = this.#proven.has(address) || isLoopback(address);
    const bucket = this.#byAddress.get(address) ?? (this.#isCrowded() && !isTrusted ? this.#others : undefined);
    return (!isTrusted && this.#all.waitMs(now) > 0) || (bucket !== undefined && bucket.waitMs(now) > 0);
  }

  #bucketOf(address: string, now: number): TokenBucket {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    if (this.#isCrowded()) {
      for (const [one, bucket] of this.#byAddress) if (bucket.isFull(now)) this.#byAddress.delete(one);
    }
    if (this.#isCrowded()) return this.#others;
    const bucket = new TokenBucket(rates.address, now);
    this.#byAddress.set(address, bucket);
    return bucket;
  }

  #isCrowded(): boolean {
    return this.#byAddress.size >= maxAddresses;
  }
}

/** No other machine has such an address. */
function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(address);
}
