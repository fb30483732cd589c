/**
 * Resolves when something is so, or at a time that may be put off meanwhile. It looks every 5 ms, so it is for stops
 * alone.
 */
export async function waitUntil(isSo: () => boolean, by: () => number): Promise<void> {
  while (!isSo() && performance.now() < by()) await new Promise((resolve) => setTimeout(resolve, 5));
}
