import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { inTurn } from './in-turn.js';

const derive = promisify(scrypt);
const keyBytes = 32;

/** Takes about 50 ms of a thread, and 16 MiB meanwhile. Resolves to `undefined` if too many others are waiting. */
const keyOf = (address, password, salt) => inTurn(address, () => derive(password.normalize('NFKC'), salt, keyBytes));

/** What is stored instead of a password. */
export async function hashPassword(address, password) {
  const salt = randomBytes(16).toString('base64');
  const key = await keyOf(address, password, salt);
  return key && { salt, key: key.toString('base64') };
}

/** Takes as long for an unknown name, so that names cannot be found out. */
export async function verifyPassword(address, password, stored) {
  const found = await keyOf(address, password, stored?.salt ?? 'nobody');
  if (found === undefined) return undefined;
  return stored !== undefined && timingSafeEqual(found, Buffer.from(stored.key, 'base64'));
}
