/** Resolves when it is so, or at a time that may become later. Nobody tells of these; they are looked at, and only in a stop. */
export async function when(isSo: () => boolean, by: () => number): Promise<void> {
  while (!isSo() && Date.now() < by()) await new Promise((resolve) => setTimeout(resolve, 5));
}
