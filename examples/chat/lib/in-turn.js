/** Libuv has four threads for passwords, files and names of hosts. Two are left to the others. */
const atOnce = 2;
/** Who comes when so many wait, or has waited so long, is asked to try again. */
const mostWaiting = 30;
const longestWaitMs = 2_000;

const waiting = [];
let running = 0;

/** Does work that is costly when it is its turn. Resolves to `undefined` without having done it if too many others are before it. */
export async function inTurn(work) {
  const began = Date.now();
  if (running < atOnce) running++;
  else {
    if (waiting.length >= mostWaiting) return undefined;
    // Whoever ends gives its place to the next one.
    await new Promise((resolve) => waiting.push(resolve));
  }
  try {
    return Date.now() - began > longestWaitMs ? undefined : await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
