import { createHmac, timingSafeEqual } from 'node:crypto';
import { agentHeader, productHeader, uidHeader } from './identity.ts';

/** Header with the id of a request, the same in the logs of all tiers. */
export const requestIdHeader = 'x-request-id';

/** Header with the signature over the identity that an agent gives. */
export const signatureHeader = 'x-gopush-signature';

/** The headers a signature covers, in this order. */
const signed = [uidHeader, productHeader, agentHeader, requestIdHeader] as const;

/** The headers a signature covers, as they stand in the request. */
export type SignedHeaders = Readonly<Record<(typeof signed)[number], string>>;

/**
 * Signs an identity: `v1.<expiry>.<HMAC-SHA256>`, the expiry as seconds since 1970, the HMAC (RFC 2104) in base64url over the version,
 * the expiry and the values of the headers, each on a line of its own, so that none can be shifted into another.
 *
 * @param secret - known to agents and targets alone
 * @param expiresAt - from when on it is of no use, in milliseconds since 1970
 */
export function signIdentity(secret: string, headers: SignedHeaders, expiresAt: number): string {
  const expiry = String(Math.ceil(expiresAt / 1_000));
  return `v1.${expiry}.${hmac(secret, expiry, headers).toString('base64url')}`;
}

/**
 * Whether these headers were signed with one of the secrets, and not too long ago.
 *
 * @param now - milliseconds since 1970
 */
export function isIdentitySigned(
  secrets: readonly string[],
  headers: Readonly<Record<string, string | string[] | undefined>>,
  now: number,
): boolean {
  const signature = headers[signatureHeader];
  const [, expiry, given] = (typeof signature === 'string' && /^v1\.(\d{1,12})\.([\w-]{43})$/.exec(signature)) || [];
  if (expiry === undefined || given === undefined || Number(expiry) * 1_000 <= now) return false;
  const values = Object.fromEntries(signed.map((name) => [name, headers[name] ?? '']));
  if (Object.values(values).some((value) => typeof value !== 'string')) return false;
  const bytes = Buffer.from(given, 'base64url');
  return secrets.some((secret) => timingSafeEqual(hmac(secret, expiry, values as SignedHeaders), bytes));
}

function hmac(secret: string, expiry: string, headers: SignedHeaders): Buffer {
  const text = ['v1', expiry, ...signed.map((name) => headers[name])].join('\n');
  return createHmac('sha256', secret).update(text).digest();
}
