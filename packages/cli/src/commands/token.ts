import { createHmac } from 'node:crypto';
import {
  agentHeader,
  defaultProduct,
  parseUid,
  productHeader,
  requestIdHeader,
  signatureHeader,
  signIdentity,
  uidHeader,
} from '@gopush/contract';
import { CommandError } from '../command-error.ts';
import { loadProject, type ProjectOptions } from '../project.ts';

/** As `verifyJwt` wants it: a key is to be as long as the hash at least (RFC 7518 section 3.2). */
const leastSecretBytes = 32;

/** Options of `gopush token`. */
export interface TokenOptions extends ProjectOptions {
  /** The secret of a JWT, as given by `--secret` or `JWT_SECRET`. */
  readonly secret?: string | undefined;
  /** Print the headers of a signed identity instead of a JWT. */
  readonly identity?: boolean;
  /** The claim that holds the uid. */
  readonly claim: string;
  readonly product?: string | undefined;
  /** In seconds. */
  readonly ttl: number;
  /** Print JSON: the token, or the headers. */
  readonly json?: boolean;
}

/**
 * `gopush token <uid>`: prints a JWT (HS256, RFC 7519) that `verifyJwt` of `gopush/jwt` accepts, or with `--identity` the headers with which an
 * agent tells a push-server who a client is. For tests: its bearer is that user until it expires.
 */
export async function token(uid: string, options: TokenOptions): Promise<void> {
  const parsed = parseUid(uid);
  if (!parsed.ok) throw new CommandError(2, `token ${uid}: ${parsed.failure.detail ?? parsed.failure.code}`);
  if (options.identity === true) return printIdentity(parsed.value, options);
  const { secret = '', claim, ttl, json = false } = options;
  if (secret === '') {
    throw new CommandError(
      2,
      'token: wanted --secret, or the variable JWT_SECRET: the secret with which the hook verifies tokens',
    );
  }
  const bytes = Buffer.byteLength(secret);
  if (bytes < leastSecretBytes) {
    throw new CommandError(2, `token: secret: found ${bytes} bytes, wanted at least ${leastSecretBytes}`);
  }
  const jwt = signJwt({ [claim]: parsed.value }, secret, ttl);
  process.stdout.write(`${json ? JSON.stringify({ token: jwt }) : jwt}\n`);
}

/** A JSON Web Token with HMAC-SHA256 (RFC 7515 section 3.3). */
function signJwt(claims: object, secret: string, ttlSeconds: number): string {
  const now = Math.floor(Date.now() / 1_000);
  const parts = [
    { alg: 'HS256', typ: 'JWT' },
    { ...claims, iat: now, exp: now + ttlSeconds },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

async function printIdentity(
  uid: string,
  { product = defaultProduct, ttl, json = false, ...project }: TokenOptions,
): Promise<void> {
  const { config } = await loadProject(project);
  const [secret] = config.access.secrets;
  if (secret === undefined) {
    throw new CommandError(2, 'access.secrets: found none, wanted a secret: gopush add secret writes one');
  }
  const headers = {
    [uidHeader]: encodeURIComponent(uid),
    [productHeader]: encodeURIComponent(product),
    [agentHeader]: 'gopush-token',
    [requestIdHeader]: 'gopush-token',
  } as Parameters<typeof signIdentity>[1];
  const all = { ...headers, [signatureHeader]: signIdentity(secret, headers, Date.now() + ttl * 1_000) };
  if (json) process.stdout.write(`${JSON.stringify({ headers: all })}\n`);
  else for (const [name, value] of Object.entries(all)) process.stdout.write(`${name}: ${value}\n`);
}
