/** Runs variants of a test at the same time, as they wait most of theirs. One that fails is named. */
export async function atOnce<T>(
  variants: Readonly<Record<string, T>>,
  run: (variant: T) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(Object.values(variants).map(run));
  for (const [index, name] of Object.keys(variants).entries()) {
    const result = results[index];
    if (result?.status !== 'rejected') continue;
    const { reason } = result;
    if (reason instanceof Error) reason.message = `${name}: ${reason.message}`;
    throw reason;
  }
}
