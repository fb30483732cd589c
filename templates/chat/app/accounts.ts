import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';

// In Redis, if REDIS_URL is set. Otherwise one file for each account, in .accounts/.
const { REDIS_URL } = process.env;
export const redis = REDIS_URL ? new Redis(REDIS_URL, { maxRetriesPerRequest: 1 }) : undefined;
const folder = new URL('../.accounts/', import.meta.url);

const hash = promisify<string, Buffer, number, Buffer>(scrypt);

/** Adds an account. Returns whether the name was free. */
export async function signUp(name: string, password: string) {
  const salt = randomBytes(16);
  const hashed = (await hash(password, salt, 32)).toString('base64url');
  return save(name, `${salt.toString('base64url')}.${hashed}`);
}

/** Returns whether there is an account of this name with this password. */
export async function checkPassword(name: string, password: string) {
  const [salt = '', hashed = ''] = (await read(name)).split('.');
  const given = await hash(password, Buffer.from(salt, 'base64url'), 32);
  const wanted = Buffer.from(hashed, 'base64url');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Stores an account, unless there is one: two clients cannot get the same name. */
async function save(name: string, account: string) {
  if (redis) return (await redis.set(`chat:account:${name}`, account, 'NX')) === 'OK';
  await mkdir(folder, { recursive: true });
  return writeFile(new URL(name, folder), account, { flag: 'wx', mode: 0o600 }).then(
    () => true,
    () => false,
  );
}

async function read(name: string) {
  if (redis) return (await redis.get(`chat:account:${name}`)) ?? '';
  return readFile(new URL(name, folder), 'utf8').catch(() => '');
}
