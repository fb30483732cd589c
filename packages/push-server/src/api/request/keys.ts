import type { IncomingHttpHeaders } from 'node:http';
import {
  type ApiScope,
  type Config,
  createKeyFinder,
  failed,
  type Result,
  readApiKey,
  success,
} from '@gopush/contract';
import { perSecond as ratePerSecond, TokenBucket } from '@gopush/service';

/** The holder of a key. */
export interface KeyHolder {
  /** The name of the key in the settings, which is logged instead of the key. */
  readonly name: string;
  readonly scopes: ReadonlySet<ApiScope>;
  /** Whether the key is for some products only. */
  readonly isLimited: boolean;
  /** Whether the key is for the rooms and users of a product. */
  mayUse(product: string): boolean;
  /**
   * Counts a request.
   *
   * @returns 0, or in how many seconds to retry if it has made too many
   */
  take(): number;
  /** Counts more for a request that turned out to cost more, so that later ones have to wait. */
  charge(count: number): void;
}

/** The keys of the API. */
export interface KeyRing {
  /** Finds the holder of the key in `Authorization: Bearer` or `X-Api-Key`. Failures: `api_key_missing`, `api_key_unknown`. */
  find(headers: Readonly<IncomingHttpHeaders>): Result<KeyHolder>;
}

/** Opens the keys. */
export function createKeyRing({ keys, perSecond }: Config['api']): KeyRing {
  const ring = keys.map(({ name, key, scopes, products }) => ({
    key,
    holder: {
      name,
      scopes: new Set(scopes),
      isLimited: products !== undefined,
      mayUse: (product: string) => products === undefined || products.includes(product),
      ...limitRequests(perSecond),
    },
  }));
  const findEntry = createKeyFinder(ring);
  return {
    find(headers) {
      const given = readApiKey(headers);
      if (given === undefined) return failed('api_key_missing');
      const found = findEntry(given);
      return found === undefined ? failed('api_key_unknown') : success(found.holder);
    },
  };
}

/** @param perSecond - 0: no limit */
function limitRequests(perSecond: number): Pick<KeyHolder, 'take' | 'charge'> {
  if (perSecond === 0) return { take: () => 0, charge() {} };
  const bucket = new TokenBucket(ratePerSecond(perSecond), performance.now());
  return {
    take() {
      const now = performance.now();
      return bucket.take(now) ? 0 : Math.max(1, Math.ceil(bucket.waitMs(now) / 1_000));
    },
    charge: (count) => bucket.charge(count),
  };
}
