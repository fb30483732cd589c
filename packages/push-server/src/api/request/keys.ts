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
import { type Bucket, createBucket } from './bucket.ts';

/** Whoever asks with a key. */
export interface KeyHolder {
  /** As the settings name the key; what logs say instead of the key. */
  readonly name: string;
  readonly scopes: ReadonlySet<ApiScope>;
  /** Whether it may be used for some products only. */
  readonly isLimited: boolean;
  /** Whether it may be used for the rooms and users of a product. */
  mayUse(product: string): boolean;
  /** How much it may ask. */
  readonly bucket: Bucket;
}

/** The keys of the API. */
export interface KeyRing {
  /** Finds who asks by `Authorization: Bearer` or `X-Api-Key`: `api_key_missing` or `api_key_unknown`. */
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
      bucket: createBucket(perSecond),
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
