import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inTurn } from './in-turn.ts';
import { openRedis, tryLater } from './open-redis.ts';

// In Redis, if REDIS_URL is set. Otherwise one file for each account, in .accounts/.
const { REDIS_URL } = process.env;
export const redis = REDIS_URL ? openRedis(REDIS_URL) : undefined;
const folder = new URL('../.accounts/', import.meta.url);

const scryptAsync = promisify<string, Buffer, number, Buffer>(scrypt);

/** Takes 50 ms of a thread and 16 MiB of memory. Returns `undefined` if too many others are before it. */
const hash = (address: string, password: string, salt: Buffer) =>
  inTurn(address, () => scryptAsync(password, salt, 32));

/** Adds an account. Returns whether the name was free; `undefined` if too many others sign in. */
export async function signUp(address: string, name: string, password: string) {
  const salt = randomBytes(16);
  const hashed = await hash(address, password, salt);
  return hashed && save(name, `${salt.toString('base64url')}.${hashed.toString('base64url')}`);
}

/** Returns whether there is an account of this name with this password; `undefined` if too many others sign in. */
export async function checkPassword(address: string, name: string, password: string) {
  const [salt = '', hashed = ''] = (await read(name)).split('.');
  const given = await hash(address, password, Buffer.from(salt, 'base64url'));
  const wanted = Buffer.from(hashed, 'base64url');
  return given && given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Stores an account, unless there is one: two clients cannot get the same name. */
async function save(name: string, account: string) {
  if (redis) return (await redis.set(`chat:account:${name}`, account, 'NX').catch(tryLater)) === 'OK';
  await mkdir(folder, { recursive: true });
  return writeFile(new URL(name, folder), account, { flag: 'wx', mode: 0o600 }).then(
    () => true,
    () => false,
  );
}

async function read(name: string) {
  if (redis) return (await redis.get(`chat:account:${name}`).catch(tryLater)) ?? '';
  return readFile(new URL(name, folder), 'utf8').catch(() => '');
}
