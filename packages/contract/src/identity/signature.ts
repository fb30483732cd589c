import { createHmac, timingSafeEqual } from 'node:crypto';
import { agentHeader, productHeader, uidHeader } from './identity.ts';

/** Header with the id of a request, the same in the logs of all tiers. */
export const requestIdHeader = 'x-request-id';

/** Header with the signature of the identity. */
export const signatureHeader = 'x-gopush-signature';

/** The audience of identities for push-servers that gopush runs. For any other target it is `host:port`. */
export const pushServerAudience = 'push-server';

/** The headers a signature covers, in this order. */
const signed = [uidHeader, productHeader, agentHeader, requestIdHeader] as const;

/** The values of the headers that a signature covers. */
export type SignedHeaders = Readonly<Record<(typeof signed)[number], string>>;

/**
 * Signs an identity for one audience: `v2.<expiry>.<HMAC-SHA256>.<audience>`, the expiry as seconds since 1970, the HMAC (RFC 2104) in
 * base64url over the version, the expiry, the audience and the values of the headers, each on a line of its own, so that none can be shifted
 * into another.
 *
 * Without an audience a target could use a signature that it got to impersonate the client at another target.
 *
 * @param secret - known only to agents and targets
 * @param expiresAt - when it expires, in milliseconds since 1970
 * @param audience - the target that it is for, in visible ASCII
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
 * The audience of a valid, unexpired signature of these headers; `undefined`: there is none. `''` stands for a signature of version 1, which has no
 * audience.
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
 * Whether these headers have a valid, unexpired signature with one of the secrets, for an accepted audience.
 *
 * @param now - milliseconds since 1970
 * @param isUs - whether an audience is accepted. @defaultValue every audience is
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
