import { createHmac, timingSafeEqual } from 'node:crypto';
import { agentHeader, productHeader, uidHeader } from './identity.ts';

/** Header with the id of a request, the same in the logs of all tiers. */
export const requestIdHeader = 'x-request-id';

/** Header with the signature over the identity that an agent gives. */
export const signatureHeader = 'x-gopush-signature';

/** The audience of what agents send to the push-servers that gopush runs; any other target is the audience `host:port`. */
export const pushServerAudience = 'push-server';

/** The headers a signature covers, in this order. */
const signed = [uidHeader, productHeader, agentHeader, requestIdHeader] as const;

/** The headers a signature covers, as they stand in the request. */
export type SignedHeaders = Readonly<Record<(typeof signed)[number], string>>;

/**
 * Signs an identity for one audience: `v2.<expiry>.<HMAC-SHA256>.<audience>`, the expiry as seconds since 1970, the HMAC (RFC 2104) in
 * base64url over the version, the expiry, the audience and the values of the headers, each on a line of its own, so that none can be shifted
 * into another.
 *
 * Without an audience whoever is given a signature could use it elsewhere in the client's name.
 *
 * @param secret - known to agents and targets alone
 * @param expiresAt - from when on it is of no use, in milliseconds since 1970
 * @param audience - for whom it is, in visible ASCII
 */
export function signIdentity(
  secret: string,
  headers: SignedHeaders,
  expiresAt: number,
  audience: string = pushServerAudience,
): string {
  const expiry = String(Math.ceil(expiresAt / 1_000));
  return `v2.${expiry}.${hmac(secret, ['v2', expiry, audience], headers).toString('base64url')}.${audience}`;
}

/**
 * For whom these headers were signed with one of the secrets, not too long ago; `undefined`: they were not. `''` stands for a signature of
 * version 1, which named nobody.
 *
 * @param now - milliseconds since 1970
 */
export function audienceOf(
  secrets: readonly string[],
  headers: Readonly<Record<string, string | string[] | undefined>>,
  now: number,
): string | undefined {
  const signature = headers[signatureHeader];
  const match =
    typeof signature === 'string' ? /^v([12])\.(\d{1,12})\.([\w-]{43})(?:\.([!-~]{1,300}))?$/.exec(signature) : null;
  const [, version, expiry = '', given = '', audience] = match ?? [];
  if (version === undefined || Number(expiry) * 1_000 <= now) return undefined;
  if ((version === '1') !== (audience === undefined)) return undefined;
  const values = Object.fromEntries(signed.map((name) => [name, headers[name] ?? '']));
  if (Object.values(values).some((value) => typeof value !== 'string')) return undefined;
  const bytes = Buffer.from(given, 'base64url');
  const start = audience === undefined ? ['v1', expiry] : ['v2', expiry, audience];
  const isSigned = secrets.some((secret) => timingSafeEqual(hmac(secret, start, values as SignedHeaders), bytes));
  return isSigned ? (audience ?? '') : undefined;
}

/**
 * Whether these headers were signed with one of the secrets, not too long ago, and for us.
 *
 * @param now - milliseconds since 1970
 * @param isUs - whether a name is ours. @defaultValue every name is
 */
export function isIdentitySigned(
  secrets: readonly string[],
  headers: Readonly<Record<string, string | string[] | undefined>>,
  now: number,
  isUs: (audience: string) => boolean = (audience) => audience !== '',
): boolean {
  const audience = audienceOf(secrets, headers, now);
  return audience !== undefined && isUs(audience);
}

function hmac(secret: string, start: readonly string[], headers: SignedHeaders): Buffer {
  const text = [...start, ...signed.map((name) => headers[name])].join('\n');
  return createHmac('sha256', secret).update(text).digest();
}
