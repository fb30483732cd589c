/**
 * Waits until something is so, or for a time that may be put off meanwhile. It looks every 5 ms, so it is for stops
 * alone.
 *
 * @returns `undefined`: it is so now, or the time is over
 */
export function waitUntil(isSo: () => boolean, by: () => number): Promise<void> | undefined {
  return isSo() || performance.now() >= by() ? undefined : lookUntil(isSo, by);
}

async function lookUntil(isSo: () => boolean, by: () => number): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 5));
  while (!isSo() && performance.now() < by());
}
