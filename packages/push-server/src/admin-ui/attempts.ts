import { createTokenBucket, type TokenBucket } from '@gopush/service';

/** How often passwords may be tried a minute: from one address, and in all. */
const perMinute = { address: 10, all: 60 };

/** How many addresses are known at a time; the others share what is allowed one. */
const maxAddresses = 1_000;

/** Counts attempts at a password; `false`: this one is too many. */
export function createAttempts(): (address: string) => boolean {
  // A bucket counts by the second; its seconds are minutes here.
  const now = (): number => performance.now() / 60;
  const all = createTokenBucket(perMinute.all, now());
  const others = createTokenBucket(perMinute.address, now());
  const byAddress = new Map<string, TokenBucket>();

  function bucketOf(address: string): TokenBucket {
    const known = byAddress.get(address);
    if (known !== undefined) return known;
    if (byAddress.size >= maxAddresses) {
      for (const [one, bucket] of byAddress) if (bucket.isFull(now())) byAddress.delete(one);
    }
    if (byAddress.size >= maxAddresses) return others;
    const bucket = createTokenBucket(perMinute.address, now());
    byAddress.set(address, bucket);
    return bucket;
  }
  // Who tries too often alone takes nothing from the others.
  return (address) => bucketOf(address).take(now()) && all.take(now());
}
