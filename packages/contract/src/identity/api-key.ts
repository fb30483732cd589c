import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Path under which push-servers serve the HTTP API. */
export const apiPath = '/api/v1';

/** Whether a request is for the HTTP API. */
export function isForApi(url = ''): boolean {
  return url === apiPath || url.startsWith(`${apiPath}/`) || url.startsWith(`${apiPath}?`);
}

/** The API key of a request, from `X-Api-Key` or `Authorization: Bearer`; `undefined`: it has none. */
export function readApiKey(headers: Readonly<IncomingHttpHeaders>): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return own;
  return /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/**
 * Makes a lookup of keys among those of the settings.
 *
 * @returns finds the entry of a key. It compares hashes with those of all keys, so that its duration reveals nothing about a key.
 */
export function createKeyFinder<T extends { readonly key: string }>(
  entries: readonly T[],
): (key: string) => T | undefined {
  const hashed = entries.map((entry) => ({ entry, hash: hashOf(entry.key) }));
  return (key) => {
    const hash = hashOf(key);
    let found: T | undefined;
    for (const one of hashed) if (timingSafeEqual(one.hash, hash)) found = one.entry;
    return found;
  };
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
