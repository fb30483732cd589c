import { perMinute, TokenBucket } from '@gopush/service';

/** How often passwords may be tried: from one address, and in all. */
const rates = { address: perMinute(10), all: perMinute(60) };

/** Most addresses that are counted one by one; all others share one bucket. */
const maxAddresses = 1_000;

/** Creates a counter of attempts at a password, by address; it returns `false` for one too many. */
export function createAttempts(): (address: string) => boolean {
  const all = new TokenBucket(rates.all, performance.now());
  const others = new TokenBucket(rates.address, performance.now());
  const byAddress = new Map<string, TokenBucket>();

  function bucketOf(address: string, now: number): TokenBucket {
    const known = byAddress.get(address);
    if (known !== undefined) return known;
    if (byAddress.size >= maxAddresses) {
      for (const [one, bucket] of byAddress) if (bucket.isFull(now)) byAddress.delete(one);
    }
    if (byAddress.size >= maxAddresses) return others;
    const bucket = new TokenBucket(rates.address, now);
    byAddress.set(address, bucket);
    return bucket;
  }
  // An address with too many attempts takes nothing from the bucket of all.
  return (address) => {
    const now = performance.now();
    return bucketOf(address, now).take(now) && all.take(now);
  };
}
