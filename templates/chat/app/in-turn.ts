// Node has four threads for hashes, files and names of hosts. Two are left to the others.
const atOnce = 2;
// Whoever comes when so many wait, or has waited so long, is asked to try again.
const mostWaiting = 30;
const longestWaitMs = 2_000;

const waiting: (() => void)[] = [];
let running = 0;

/** Does costly work when it is its turn. Returns `undefined`, and does nothing, if too many others are before it. */
export async function inTurn<T>(work: () => Promise<T>) {
  const began = Date.now();
  if (running < atOnce) running++;
  else {
    if (waiting.length >= mostWaiting) return undefined;
    // Whoever ends gives its place to the next one.
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  try {
    return Date.now() - began > longestWaitMs ? undefined : await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
