import { isIPv6 } from 'node:net';
import { store } from './store.js';

/** How many attempts may fail in each quarter of an hour. Who is signed in stays so, whatever others try. */
const windowMs = 15 * 60_000;
const mostOfAddress = 100;
const mostOfName = 10;

/**
 * Begins an attempt to sign in. Resolves to `undefined` if too many have failed, from this address or for this name, else to a function that
 * takes the attempt back. An attempt counts from its beginning, so that many at once do not get through.
 */
export async function beginAttempt(address, name) {
  const window = Math.floor(Date.now() / windowMs);
  const limits = [
    [`address ${networkOf(address)}`, mostOfAddress],
    [`name ${name}`, mostOfName],
  ];
  for (const [key, most] of limits) {
    if ((await store.add(window, key, 1, windowMs)) > most) return undefined;
  }
  return async () => {
    for (const [key] of limits) await store.add(window, key, -1, windowMs);
  };
}

/** Seconds until attempts are counted anew. */
export const secondsToWait = () => Math.ceil((windowMs - (Date.now() % windowMs)) / 1_000);

/** The owner of an IPv6 address has its whole /64 network. */
export function networkOf(address) {
  if (!isIPv6(address)) return address;
  const [left, right] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = right === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array(zeros).fill('0'), ...(right ?? [])].slice(0, 4).join(':');
}
