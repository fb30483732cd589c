import { isIPv6 } from 'node:net';
import { redis } from './accounts.ts';
import { tryLater } from './open-redis.ts';

/** How many attempts to sign in may fail in each quarter of an hour, of one address and for one name. */
const windowMs = 15 * 60_000;
const mostOfAddress = 100;
const mostOfName = 10;

/** Seconds until attempts are counted anew. */
export const secondsToWait = () => Math.ceil((windowMs - (Date.now() % windowMs)) / 1_000);

/**
 * Counts an attempt to sign in. Returns `undefined` if too many have failed, otherwise a function to call if this one did not fail. It counts
 * from its beginning, so that many at once do not get through.
 */
export async function beginAttempt(address = '', name = '') {
  const window = Math.floor(Date.now() / windowMs);
  const ofAddress = `${window}:address:${networkOf(address)}`;
  const ofName = `${window}:name:${name}`;
  if ((await add(ofAddress)) > mostOfAddress || (await add(ofName)) > mostOfName) return undefined;
  return async () => {
    await add(ofAddress, -1);
    await add(ofName, -1);
  };
}

// Without Redis each process counts for itself.
const counts = new Map<string, number>();
let counted = '';

async function add(key: string, by = 1) {
  if (redis) {
    const name = `chat:attempts:${key}`;
    const results = await redis.multi().incrby(name, by).pexpire(name, windowMs).exec().catch(tryLater);
    const [error, sum] = results?.[0] ?? [];
    return error ? tryLater(error) : Number(sum);
  }
  const [window = ''] = key.split(':');
  if (window > counted) {
    counts.clear();
    counted = window;
  }
  const sum = (counts.get(key) ?? 0) + by;
  counts.set(key, sum);
  return sum;
}

/** The owner of an IPv6 address has its whole /64 network. */
export function networkOf(address = '') {
  if (!isIPv6(address)) return address;
  const [left = [], right] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = right === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array<string>(zeros).fill('0'), ...(right ?? [])].slice(0, 4).join(':');
}
