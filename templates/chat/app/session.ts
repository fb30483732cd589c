import { loadEnvFile } from 'node:process';
import { verifyJwt } from 'gopush/jwt';
import { SignJWT } from 'jose';

try {
  // Variables that are set already count more.
  loadEnvFile(new URL('../.env', import.meta.url));
} catch {
  // There is no such file: all variables are in the environment.
}
const secret = process.env.SESSION_SECRET ?? '';

export const cookie = 'session';

/** Returns the name of the user who sent a request, from the session in the cookie; `undefined`: it was not signed in. */
export const userOf = verifyJwt({ secret, from: `cookie:${cookie}` });

/** Signs a session, which is valid for a month. */
export function createSession(name: string) {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(name)
    .setExpirationTime('30 days')
    .sign(new TextEncoder().encode(secret));
}
