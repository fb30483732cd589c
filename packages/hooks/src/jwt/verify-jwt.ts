import { type KeysOf, parseUid, refuseUnknownKeys } from '@gopush/contract';
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { type JwtKeyOptions, type KeySource, readKey } from './find-key.ts';
import { createTokenFinder, type JwtPlace, type JwtRequest } from './find-token.ts';

/** How tokens are verified. Exactly one of `secret`, `publicKey` and `jwksUrl` has to be set. */
export interface JwtOptions extends JwtKeyOptions {
  /** Required issuer of the token (`iss`). @defaultValue any holder of the key */
  readonly issuer?: string | readonly string[];
  /** Required audience of the token (`aud`); one of several is enough. @defaultValue any */
  readonly audience?: string | readonly string[];
  /** Accepted algorithms. @defaultValue those that fit the key; never `none` */
  readonly algorithms?: readonly string[];
  /** The claim with the uid. @defaultValue `'sub'` */
  readonly uidClaim?: string | undefined;
  /**
   * Where the token is looked for, in this order; the first one found counts. A token in a query ends up in the logs of proxies: use this only for
   * clients that can send it in no other way. @defaultValue `'bearer'`
   */
  readonly from?: JwtPlace | readonly JwtPlace[] | undefined;
  /** How far clocks may differ at `exp` and `nbf`, in seconds. @defaultValue 0 */
  readonly clockToleranceSeconds?: number | undefined;
  /** Called with the reason why a token was rejected, as a code such as `ERR_JWT_EXPIRED`; never with the token. @defaultValue none */
  readonly onRefused?: ((code: string) => void) | undefined;
}

const optionKeys: KeysOf<JwtOptions> = {
  secret: true,
  publicKey: true,
  jwksUrl: true,
  issuer: true,
  audience: true,
  algorithms: true,
  uidClaim: true,
  from: true,
  clockToleranceSeconds: true,
  onRefused: true,
};

/** Returns the uid of a client from its token; `undefined` if it has no valid token. */
export interface JwtVerifier {
  (request: JwtRequest): Promise<string | undefined>;
  /** Returns all claims of the token; `undefined` if there is no valid token. */
  claims(request: JwtRequest): Promise<Readonly<Record<string, unknown>> | undefined>;
}

/**
 * Makes a hook that identifies clients by a JSON Web Token (RFC 7519).
 *
 * If a token is invalid, or keys cannot be fetched, the client is unknown; nothing is thrown, and nothing is logged.
 *
 * @throws TypeError for invalid options, when the hook is loaded
 * @example
 * export default defineAgent(verifyJwt({ jwksUrl: 'https://id.example.com/jwks.json', issuer: 'https://id.example.com/', audience: 'chat' }));
 */
export function verifyJwt(options: JwtOptions): JwtVerifier {
  refuseUnknownKeys('verifyJwt', options, optionKeys);
  const { issuer, audience, uidClaim = 'sub', from = 'bearer', clockToleranceSeconds = 0, onRefused } = options;
  if (!(Number.isFinite(clockToleranceSeconds) && clockToleranceSeconds >= 0)) {
    throw new TypeError(`verifyJwt: clockToleranceSeconds: found ${clockToleranceSeconds}, wanted seconds, 0 or more`);
  }
  for (const name of ['issuer', 'audience', 'algorithms'] as const) {
    // An unset environment variable must not turn a check off.
    if (name in options && options[name] === undefined) throw new TypeError(`verifyJwt: ${name}: found undefined`);
  }
  const key = readKey(options);
  const findToken = createTokenFinder(typeof from === 'string' ? [from] : from);
  const verifyOptions: JWTVerifyOptions = {
    algorithms: readAlgorithms(options.algorithms, key),
    clockTolerance: clockToleranceSeconds,
    ...(issuer === undefined ? {} : { issuer: listOf(issuer) }),
    ...(audience === undefined ? {} : { audience: listOf(audience) }),
  };

  async function claims(request: JwtRequest): Promise<JWTPayload | undefined> {
    const token = findToken(request);
    if (token === undefined) return undefined;
    const verified = await verify(token, key, verifyOptions);
    if (typeof verified !== 'string') return verified;
    onRefused?.(verified);
    return undefined;
  }
  async function uidOf(request: JwtRequest): Promise<string | undefined> {
    const payload = await claims(request);
    if (payload === undefined) return undefined;
    const uid = parseUid(payload[uidClaim]);
    if (uid.ok) return uid.value;
    onRefused?.('ERR_UID_CLAIM');
    return undefined;
  }
  return Object.assign(uidOf, { claims });
}

/** The claims of a token, or the code of the reason why it is rejected. */
async function verify(token: string, key: KeySource, options: JWTVerifyOptions): Promise<JWTPayload | string> {
  try {
    return (await jwtVerify(token, key.find, options)).payload;
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return tryEach(token, error, options);
    return codeOf(error);
  }
}

/** A token that does not name its key: any of those that fit may be it. */
async function tryEach(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTPayload | string> {
  let code: string = keys.code;
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      code = codeOf(error);
      // The right key, and something else is wrong.
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
    }
  }
  return code;
}

function codeOf(error: unknown): string {
  return error instanceof errors.JOSEError ? error.code : 'ERR_JWT_OTHER';
}

/** An algorithm that does not fit the key is how forged tokens come in: an RSA key taken for the secret of HMAC. */
function readAlgorithms(wanted: readonly string[] | undefined, { algorithms: fitting }: KeySource): string[] {
  if (wanted === undefined) return [...fitting];
  const odd = wanted.find((algorithm) => !fitting.includes(algorithm));
  if (odd === undefined && wanted.length > 0) return [...wanted];
  throw new TypeError(
    `verifyJwt: algorithms: found ${odd ?? 'an empty list'}, wanted some of ${fitting.join(', ')}, which this key can use`,
  );
}

function listOf(value: string | readonly string[]): string[] {
  return typeof value === 'string' ? [value] : [...value];
}
