import { createPublicKey, createSecretKey, type JsonWebKey, KeyObject } from 'node:crypto';
import type { JWTVerifyGetKey } from 'jose';
import { createRemoteKeys } from './remote-keys.ts';

/** The key that tokens are verified with: exactly one of these. */
export interface JwtKeyOptions {
  /** Secret shared by the issuer and gopush, for HMAC: at least 32 bytes (RFC 7518 section 3.2). Text is taken as UTF-8. */
  readonly secret?: string | Uint8Array | undefined;
  /** The issuer's public key: PEM, JWK or Node's own. */
  readonly publicKey?: string | JsonWebKey | KeyObject | undefined;
  /** Where the issuer publishes its keys (a JWK Set, RFC 7517 section 5). Keys that it changes are followed. */
  readonly jwksUrl?: string | URL | undefined;
}

/** How the key of a token is found, and which algorithms it fits. */
export interface KeySource {
  readonly find: JWTVerifyGetKey;
  readonly algorithms: readonly string[];
}

/**
 * Reads the key that tokens are verified with.
 *
 * @throws TypeError if there is none, if there are several, or if it cannot be used
 */
export function readKey({ secret, publicKey, jwksUrl }: JwtKeyOptions): KeySource {
  const given = [secret, publicKey, jwksUrl].filter((one) => one !== undefined).length;
  // An unset environment variable arrives as undefined: report that when the hook is loaded, instead of refusing every client.
  if (given !== 1) throw new TypeError(`verifyJwt: wanted one of secret, publicKey and jwksUrl, found ${given}`);
  if (secret !== undefined) return readSecret(secret);
  if (publicKey !== undefined) return readPublicKey(publicKey);
  return { find: createRemoteKeys(readUrl(jwksUrl)), algorithms: [...rsa, ...Object.values(ec), ...ed] };
}

function readUrl(given: string | URL | undefined): URL {
  const url = URL.canParse(String(given)) ? new URL(String(given)) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new TypeError(`verifyJwt: jwksUrl: found ${String(given)}, wanted an http or https URL`);
}

function readSecret(secret: string | Uint8Array): KeySource {
  // Everybody knows a public key, and could sign with it.
  if (typeof secret === 'string' && /^\s*-----BEGIN /.test(secret)) {
    throw new TypeError('verifyJwt: secret: found a PEM key, wanted a secret; pass a public key as publicKey');
  }
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
  if (bytes.length < 32) {
    throw new TypeError(`verifyJwt: secret: found ${bytes.length} bytes, wanted at least 32`);
  }
  const key = createSecretKey(bytes);
  return {
    find: async () => key,
    // A key is to be as long as the hash at least (RFC 7518 section 3.2).
    algorithms: [256, 384, 512].filter((bits) => bytes.length * 8 >= bits).map((bits) => `HS${bits}`),
  };
}

function readPublicKey(given: string | JsonWebKey | KeyObject): KeySource {
  const key = toPublicKey(given);
  return { find: async () => key, algorithms: algorithmsOf(key) };
}

function toPublicKey(given: string | JsonWebKey | KeyObject): KeyObject {
  try {
    if (given instanceof KeyObject) return given.type === 'public' ? given : createPublicKey(given);
    return typeof given === 'string' ? createPublicKey(given) : createPublicKey({ key: given, format: 'jwk' });
  } catch {
    // The message of Node may quote the key.
    throw new TypeError('verifyJwt: publicKey: found another value, wanted a public key as PEM, JWK or KeyObject');
  }
}

const rsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const ec: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };
const ed = ['EdDSA', 'Ed25519'];

/** The algorithms (RFC 7518 section 3.1) of a kind of key. HMAC is never among them: everybody knows a public key. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'rsa') return rsa;
  if (asymmetricKeyType === 'ed25519') return ed;
  const curve = asymmetricKeyType === 'ec' ? ec[asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
  if (curve !== undefined) return [curve];
  throw new TypeError(`verifyJwt: publicKey: keys of type ${asymmetricKeyType} cannot sign tokens`);
}
