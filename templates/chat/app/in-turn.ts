// Node has four threads for hashes, files and names of hosts. Two are left to the others.
const atOnce = 2;
// If this many wait, or one has waited this long, the client is asked to try again.
const mostWaiting = 30;
const longestWaitMs = 2_000;
// Of one address: it must not keep everybody else out.
const mostOfOne = 8;

const waiting: (() => void)[] = [];
let running = 0;
// How many run or wait, of each address.
const counts = new Map<string, number>();

/** Does costly work for an address when it is its turn. Returns `undefined`, and does nothing, if too many others are before it. */
export async function inTurn<T>(address: string, work: () => Promise<T>) {
  const began = Date.now();
  const before = counts.get(address) ?? 0;
  if (before >= mostOfOne || waiting.length >= mostWaiting) return undefined;
  counts.set(address, before + 1);
  if (running < atOnce) running++;
  // Work that ends gives its place to the next.
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return Date.now() - began > longestWaitMs ? undefined : await work();
  } finally {
    const left = (counts.get(address) ?? 1) - 1;
    if (left > 0) counts.set(address, left);
    else counts.delete(address);
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
