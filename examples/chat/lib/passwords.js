import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(scrypt);
const keyBytes = 32;

/** Each takes about 50 ms of a thread, and 16 MiB while it lasts. Above this, people are asked to try again. */
const mostAtOnce = 32;
let underway = 0;

/** Derives the key of a password; `undefined` where too many others are waiting. */
async function keyOf(password, salt) {
  if (underway >= mostAtOnce) return undefined;
  underway++;
  try {
    return await derive(password.normalize('NFKC'), salt, keyBytes);
  } finally {
    underway--;
  }
}

/** What is stored instead of a password. */
export async function hashPassword(password) {
  const salt = randomBytes(16).toString('base64');
  const key = await keyOf(password, salt);
  return key && { salt, key: key.toString('base64') };
}

/** Takes as long for an unknown name, so that names cannot be found out. */
export async function verifyPassword(password, stored) {
  const found = await keyOf(password, stored?.salt ?? 'nobody');
  if (found === undefined) return undefined;
  return stored !== undefined && timingSafeEqual(found, Buffer.from(stored.key, 'base64'));
}
