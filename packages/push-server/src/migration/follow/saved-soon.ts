/** How long a client that is taken waits until its session is saved, in milliseconds. */
const savedMs = 300;

/** Resolves when something is saved, could not be saved, or takes long. @returns whether it is saved */
export async function savedSoon(save: Promise<void>): Promise<boolean> {
  const saved = save.then(
    () => true,
    () => false,
  );
  let late: NodeJS.Timeout | undefined;
  const waited = new Promise<false>((resolve) => {
    late = setTimeout(resolve, savedMs, false);
  });
  const isSaved = await Promise.race([saved, waited]);
  clearTimeout(late);
  return isSaved;
}
