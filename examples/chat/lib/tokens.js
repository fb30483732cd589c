import { randomBytes } from 'node:crypto';
import { verifyJwt } from 'gopush/jwt';
import { SignJWT } from 'jose';
import { store } from './store.js';

/** How long people stay signed in. */
export const daysValid = 7;

let keys;

/** The secret that all processes share: JWT_SECRET, else one that the first of them makes. */
async function openKeys() {
  let secret = process.env.JWT_SECRET ?? '';
  if (secret === '') {
    await store.insert('secrets', 'jwt', randomBytes(32).toString('hex'));
    secret = await store.get('secrets', 'jwt');
  }
  return { bytes: Buffer.from(secret), verify: verifyJwt({ secret, from: ['cookie:token', 'bearer'] }) };
}

async function getKeys() {
  keys ??= openKeys().catch((error) => {
    // The store may be back for the next one.
    keys = undefined;
    throw error;
  });
  return keys;
}

/** A JSON Web Token for a user. */
export async function signToken(user) {
  const { bytes } = await getKeys();
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime(`${daysValid}d`)
    .sign(bytes);
}

/** Whose valid token a request has, as a cookie or as a bearer; `undefined`: it has none. */
export async function userOf(request) {
  const { verify } = await getKeys();
  return verify(request);
}
