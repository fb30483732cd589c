import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type ApiScope, type Config, failed, type Result, success } from '@gopush/contract';
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

/** Opens the keys. How long a comparison takes says nothing of any of them: hashes of all are compared, whichever fits. */
export function createKeyRing({ keys, perSecond }: Config['api']): KeyRing {
  const ring = keys.map(({ name, key, scopes, products }) => ({
    hash: hashOf(key),
    holder: {
      name,
      scopes: new Set(scopes),
      isLimited: products !== undefined,
      mayUse: (product: string) => products === undefined || products.includes(product),
      bucket: createBucket(perSecond),
    },
  }));
  return {
    find(headers) {
      const given = readKey(headers);
      if (given === undefined) return failed('api_key_missing');
      const hash = hashOf(given);
      let found: KeyHolder | undefined;
      for (const one of ring) if (timingSafeEqual(one.hash, hash)) found = one.holder;
      return found === undefined ? failed('api_key_unknown') : success(found);
    },
  };
}

/** Whether a request brings a key, be it a good one or not. */
export function bringsKey(headers: Readonly<IncomingHttpHeaders>): boolean {
  return readKey(headers) !== undefined;
}

function readKey(headers: Readonly<IncomingHttpHeaders>): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return own;
  return /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
