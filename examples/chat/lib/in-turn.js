/** Libuv has four threads for passwords, files and names of hosts. Two are left to the others. */
const atOnce = 2;
/** If this many wait, or one has waited this long, the client is asked to try again. */
const mostWaiting = 30;
const longestWaitMs = 2_000;
/** Of one address: it must not keep all others out. */
const mostOfOne = 8;

const waiting = [];
let running = 0;
/** How many run or wait, of each address. */
const counts = new Map();

/**
 * Does work for an address that is costly when it is its turn. Resolves to `undefined` without having done it if too many others are before
 * it.
 */
export async function inTurn(address, work) {
  const began = Date.now();
  const before = counts.get(address) ?? 0;
  if (before >= mostOfOne || waiting.length >= mostWaiting) return undefined;
  counts.set(address, before + 1);
  if (running < atOnce) running++;
  // Work that ends gives its place to the next.
  else await new Promise((resolve) => waiting.push(resolve));
  try {
    return Date.now() - began > longestWaitMs ? undefined : await work();
  } finally {
    if (counts.get(address) > 1) counts.set(address, counts.get(address) - 1);
    else counts.delete(address);
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
