import { createHmac, generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type JwtOptions, verifyJwt } from '../src/jwt/verify-jwt.ts';

const secret = 'a secret that is long enough for HMAC with SHA-256';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');

const pemOf = ({ publicKey }: KeyPairKeyObjectResult): string =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString();

/** A token of ann that is good for an hour. */
function tokenOf(
  alg: string,
  key: KeyObject | Uint8Array,
  claims: JWTPayload = {},
  kid: string | undefined = undefined,
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const header = { alg, ...(kid === undefined ? {} : { kid }) };
  return new SignJWT({ sub: 'ann', iat: now, exp: now + 3_600, ...claims }).setProtectedHeader(header).sign(key);
}

const hmac = (claims: JWTPayload = {}, alg = 'HS256'): Promise<string> =>
  tokenOf(alg, new TextEncoder().encode(secret), claims);

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** What a verifier makes of a token, and why it does not believe it. */
async function verify(options: JwtOptions, token: string): Promise<string | undefined> {
  let code: string | undefined;
  const uid = await verifyJwt({ ...options, onRefused: (why) => (code = why) })(bearer(token));
  expect(uid === undefined).toBe(code !== undefined);
  return uid ?? code;
}

/** Publishes a JWK Set; the handler may be exchanged. */
async function publishKeys(handler: RequestListener) {
  const published = { handler, fetched: 0, url: '' };
  const server = createServer((request, response) => {
    published.fetched++;
    published.handler(request, response);
  });
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  published.url = `http://127.0.0.1:${port}/jwks.json`;
  const close = (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    return closed;
  };
  onTestFinished(close);
  return Object.assign(published, { close, open: () => listen(port) });
}

async function keySet(...pairs: [kid: string | undefined, pair: KeyPairKeyObjectResult][]): Promise<RequestListener> {
  const keys = await Promise.all(
    pairs.map(async ([kid, { publicKey }]) => ({
      ...(await exportJWK(publicKey)),
      ...(kid === undefined ? {} : { kid }),
    })),
  );
  return (_request, response) => void response.end(JSON.stringify({ keys }));
}

/** The clocks, for what happens later. The time that passes is not waited for. */
function holdClock(): { pass(milliseconds: number): void } {
  vi.useFakeTimers({ toFake: ['Date'] });
  let steady = performance.now();
  const now = vi.spyOn(performance, 'now').mockImplementation(() => steady);
  onTestFinished(() => {
    vi.useRealTimers();
    now.mockRestore();
  });
  return {
    pass(milliseconds) {
      vi.setSystemTime(Date.now() + milliseconds);
      steady += milliseconds;
    },
  };
}

test.each<[string, JwtOptions, () => Promise<string>]>([
  ['HS256', { secret }, () => hmac()],
  ['HS256 with bytes', { secret: new TextEncoder().encode(secret) }, () => hmac()],
  ['RS256', { publicKey: pemOf(rsa) }, () => tokenOf('RS256', rsa.privateKey)],
  ['PS512', { publicKey: rsa.publicKey }, () => tokenOf('PS512', rsa.privateKey)],
  ['ES256', { publicKey: pemOf(ec) }, () => tokenOf('ES256', ec.privateKey)],
  ['ES256 with a JWK', { publicKey: ec.publicKey.export({ format: 'jwk' }) }, () => tokenOf('ES256', ec.privateKey)],
  ['EdDSA', { publicKey: pemOf(ed) }, () => tokenOf('EdDSA', ed.privateKey)],
])('%s is believed, and with another key it is not', async (_name, options, sign) => {
  expect(await verify(options, await sign())).toBe('ann');
  const [head, payload, signature = ''] = (await sign()).split('.');
  const forged = `${head}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  expect(await verify(options, forged)).toBe('ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
  expect(await verify({ secret: `another ${secret}` }, await hmac())).toBe('ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
});

test.each<[string, Partial<JwtOptions>, JWTPayload, string]>([
  ['an expired token', {}, { exp: Math.floor(Date.now() / 1_000) - 10 }, 'ERR_JWT_EXPIRED'],
  [
    'one that has expired within the tolerance',
    { clockToleranceSeconds: 60 },
    { exp: Math.floor(Date.now() / 1_000) - 10 },
    'ann',
  ],
  ['one that is not yet good', {}, { nbf: Math.floor(Date.now() / 1_000) + 100 }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
  ['one for another audience', { audience: 'chat' }, { aud: 'shop' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
  ['one for no audience', { audience: 'chat' }, {}, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
  ['one for one of two audiences', { audience: ['a', 'chat'] }, { aud: ['chat', 'shop'] }, 'ann'],
  [
    'one of another issuer',
    { issuer: 'https://id.example' },
    { iss: 'https://evil.example' },
    'ERR_JWT_CLAIM_VALIDATION_FAILED',
  ],
  ['one of the issuer', { issuer: 'https://id.example' }, { iss: 'https://id.example' }, 'ann'],
  ['an issuer that is empty text', { issuer: '' }, { iss: 'https://id.example' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
  ['a uid in another claim', { uidClaim: 'user_id' }, { user_id: 42 }, '42'],
  ['no such claim', { uidClaim: 'user_id' }, {}, 'ERR_UID_CLAIM'],
  ['a uid that is an object', { uidClaim: 'user' }, { user: { id: 'ann' } }, 'ERR_UID_CLAIM'],
  ['a uid with control characters', {}, { sub: 'ann\r\nx: y' }, 'ERR_UID_CLAIM'],
])('%s', async (_name, options, claims, result) => {
  expect(await verify({ secret, ...options }, await hmac(claims))).toBe(result);
});

test('an algorithm that does not fit the key is refused: a public key as the secret of HMAC, none, a longer hash', async () => {
  const pem = pemOf(rsa);
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: 'eve' })}`;
  const confused = `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
  // It is a good token for who takes the public key for a secret, so only its algorithm is in the way.
  expect(await verify({ secret: new TextEncoder().encode(pem) }, confused)).toBe('eve');
  expect(await verify({ publicKey: pem }, confused)).toBe('ERR_JOSE_ALG_NOT_ALLOWED');
  const published = await publishKeys(await keySet(['one', rsa]));
  expect(await verify({ jwksUrl: published.url }, confused)).toBe('ERR_JOSE_ALG_NOT_ALLOWED');
  const unsigned = new UnsecuredJWT({ sub: 'eve' }).encode();
  for (const options of [{ secret }, { publicKey: pem }, { jwksUrl: published.url }]) {
    expect(await verify(options, unsigned)).toMatch(/^ERR_/);
  }
  expect(published.fetched).toBe(0);
  expect(await verify({ secret }, await hmac({}, 'HS384'))).toBe('ann');
  expect(await verify({ secret: secret.slice(0, 40), algorithms: ['HS256'] }, await hmac({}, 'HS384'))).toBe(
    'ERR_JOSE_ALG_NOT_ALLOWED',
  );
  expect(await verify({ publicKey: pem, algorithms: ['PS256'] }, await tokenOf('RS256', rsa.privateKey))).toBe(
    'ERR_JOSE_ALG_NOT_ALLOWED',
  );
});

test.each<[unknown, RegExp]>([
  [{}, /wanted one of secret, publicKey and jwksUrl, found 0/],
  [{ secret: undefined }, /found 0/],
  [{ secret, publicKey: pemOf(rsa) }, /found 2/],
  [{ secret: 'short' }, /secret: found 5 bytes, wanted at least 32/],
  [{ secret: '' }, /secret: found 0 bytes/],
  [{ publicKey: 'no key' }, /publicKey: found another value, wanted a public key/],
  [{ jwksUrl: 'nowhere' }, /jwksUrl: found nowhere, wanted an http or https URL/],
  [{ jwksUrl: 'file:///etc/keys' }, /jwksUrl: found file:/],
  [{ secret: pemOf(rsa) }, /secret: found a PEM key, wanted a secret/],
  [{ publicKey: pemOf(rsa), algorithms: ['HS256'] }, /algorithms: found HS256, wanted some of RS256/],
  [{ secret, algorithms: ['none'] }, /algorithms: found none, wanted some of HS256/],
  [{ secret, algorithms: [] }, /algorithms: found an empty list/],
  [{ secret, issuer: undefined }, /issuer: found undefined/],
  [{ secret, audience: undefined }, /audience: found undefined/],
  [{ secret, from: 'header' }, /from: found header, wanted bearer, cookie:<name> or query:<name>/],
  [{ secret, from: 'query:' }, /from: found query:/],
  [{ secret, from: [] }, /from: found an empty list/],
  [{ secret, clockToleranceSeconds: -1 }, /clockToleranceSeconds: found -1/],
])('wrong options are said when the hook is loaded: %#', (options, message) => {
  expect(() => verifyJwt(options as JwtOptions)).toThrow(message);
  expect(() => verifyJwt(options as JwtOptions)).toThrow(TypeError);
});

test('the token is looked for where it was said, and nowhere else', async () => {
  const [ann, bob] = [await hmac(), await hmac({ sub: 'bob' })];
  const everywhere = { headers: { authorization: `bearer ${ann}`, cookie: `a=1; jwt=${bob}` }, query: { token: bob } };
  const only = (from: JwtOptions['from']) => verifyJwt({ secret, from });
  expect(await verifyJwt({ secret })(everywhere)).toBe('ann');
  expect(await verifyJwt({ secret })({ headers: { cookie: `jwt=${bob}` }, query: { token: bob } })).toBeUndefined();
  expect(await only('cookie:jwt')(everywhere)).toBe('bob');
  expect(await only('query:token')(everywhere)).toBe('bob');
  expect(await only('query:token')({ headers: {}, query: { token: [bob] } })).toBeUndefined();
  expect(await only('query:token')({ headers: {} })).toBeUndefined();
  expect(await only(['query:token', 'bearer'])(everywhere)).toBe('bob');
  expect(await only(['query:other', 'bearer'])(everywhere)).toBe('ann');
  // A bad token is not passed over for a good one elsewhere.
  expect(await only(['bearer', 'cookie:jwt'])({ headers: { ...everywhere.headers, authorization: 'Bearer x' } })).toBe(
    undefined,
  );
  expect(await only('bearer')({ headers: { authorization: `Basic ${ann}` } })).toBeUndefined();
});

test('claims are all that the token says', async () => {
  const verifier = verifyJwt({ secret });
  expect(await verifier.claims(bearer(await hmac({ role: 'admin' })))).toMatchObject({ sub: 'ann', role: 'admin' });
  expect(await verifier.claims(bearer('x'))).toBeUndefined();
  expect(await verifier.claims({ headers: {} })).toBeUndefined();
});

test('keys of a JWK Set are fetched once for all, and followed when they change', async () => {
  const clock = holdClock();
  const published = await publishKeys(await keySet(['one', rsa]));
  const verifier = verifyJwt({ jwksUrl: published.url });
  const [one, two] = [
    await tokenOf('RS256', rsa.privateKey, {}, 'one'),
    await tokenOf('RS256', otherRsa.privateKey, {}, 'two'),
  ];
  expect(await Promise.all([one, one, one].map((token) => verifier(bearer(token))))).toEqual(['ann', 'ann', 'ann']);
  expect(published.fetched).toBe(1);

  published.handler = await keySet(['two', otherRsa]);
  // Anybody can name keys that there are not: right after a fetch none is asked for.
  expect(await verifier(bearer(two))).toBeUndefined();
  expect(published.fetched).toBe(1);
  clock.pass(30_000);
  expect(await verifier(bearer(two))).toBe('ann');
  expect(await verifier(bearer(one))).toBeUndefined();
  expect(published.fetched).toBe(2);
});

test('a key that was taken back is no longer believed ten minutes later', async () => {
  const clock = holdClock();
  const published = await publishKeys(await keySet(['one', rsa], ['two', otherRsa]));
  const verifier = verifyJwt({ jwksUrl: published.url });
  const token = await tokenOf('RS256', rsa.privateKey, {}, 'one');
  expect(await verifier(bearer(token))).toBe('ann');
  published.handler = await keySet(['two', otherRsa]);
  clock.pass(599_000);
  expect(await verifier(bearer(token))).toBe('ann');
  clock.pass(1_000);
  expect(await verifier(bearer(token))).toBeUndefined();
});

test('while the server of the keys is down nobody new is known, but its keys stay good for a day', async () => {
  const clock = holdClock();
  const published = await publishKeys(await keySet(['one', rsa]));
  const [early, late] = [verifyJwt({ jwksUrl: published.url }), verifyJwt({ jwksUrl: published.url })];
  const token = () => tokenOf('RS256', rsa.privateKey, {}, 'one');
  expect(await early(bearer(await token()))).toBe('ann');
  await published.close();
  expect(await late(bearer(await token()))).toBeUndefined();
  clock.pass(3_600_000);
  expect(await early(bearer(await token()))).toBe('ann');
  clock.pass(82_800_000);
  expect(await early(bearer(await token()))).toBeUndefined();

  await published.open();
  clock.pass(5_000);
  expect(await early(bearer(await token()))).toBe('ann');
  expect(await late(bearer(await token()))).toBe('ann');
});

test.each<[string, RequestListener]>([
  ['an error', (_request, response) => void response.writeHead(500).end('{}')],
  ['something else', (_request, response) => void response.end('<html>')],
  ['another shape', (_request, response) => void response.end('{"keys":{}}')],
  ['a redirect', (_request, response) => void response.writeHead(302, { location: '/elsewhere' }).end()],
  ['the end', (_request, response) => void response.destroy()],
])('a server of keys that answers with %s is asked again only later', async (_name, handler) => {
  const clock = holdClock();
  const published = await publishKeys(handler);
  const verifier = verifyJwt({ jwksUrl: published.url });
  const token = await tokenOf('RS256', rsa.privateKey, {}, 'one');
  expect(await verifier(bearer(token))).toBeUndefined();
  const { fetched } = published;
  expect(await verifier(bearer(token))).toBeUndefined();
  expect(published.fetched).toBe(fetched);
  published.handler = await keySet(['one', rsa]);
  clock.pass(5_000);
  expect(await verifier(bearer(token))).toBe('ann');
});

test('a token that names no key may be of any', async () => {
  const published = await publishKeys(await keySet([undefined, rsa], [undefined, otherRsa], [undefined, ec]));
  const options = { jwksUrl: published.url };
  expect(await verify(options, await tokenOf('RS256', otherRsa.privateKey))).toBe('ann');
  expect(await verify(options, await tokenOf('ES256', ec.privateKey))).toBe('ann');
  expect(await verify(options, await tokenOf('RS256', otherRsa.privateKey, { exp: 1 }))).toBe('ERR_JWT_EXPIRED');
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
  expect(await verify(options, await tokenOf('RS256', stranger.privateKey))).toBe(
    'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  );
});
