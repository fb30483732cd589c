/** How often a message is logged in one period. */
const mostPerPeriod = 5;

/** Length of a period, in milliseconds. */
const periodMs = 10_000;

/** Most different messages that are counted; further ones are logged each time. */
const mostMessages = 1_000;

/** Collapses repeated messages, for example when thousands of clients meet the same failure. */
export interface Repeats {
  /**
   * Whether to log a message; if not, it is counted.
   *
   * @param error - the reported error; errors with another name or code count as another message
   */
  admits(message: string, error?: unknown): boolean;
}

/** @param report - called at the end of a period with the number of messages that were left out */
export function createRepeats(report: (message: string, times: number) => void): Repeats {
  const counts = new Map<string, { readonly message: string; times: number }>();
  const endPeriod = (): void => {
    const ended = [...counts.values()];
    counts.clear();
    for (const { message, times } of ended) if (times > mostPerPeriod) report(message, times - mostPerPeriod);
  };
  return {
    admits(message, error) {
      const key = keyOf(message, error);
      let count = counts.get(key);
      if (count === undefined) {
        if (counts.size >= mostMessages) return true;
        count = { message, times: 0 };
        // The first message begins the period.
        if (counts.size === 0) setTimeout(endPeriod, periodMs).unref();
        counts.set(key, count);
      }
      return ++count.times <= mostPerPeriod;
    },
  };
}

function keyOf(message: string, error: unknown): string {
  try {
    return error instanceof Error ? `${message}\n${error.name} ${(error as NodeJS.ErrnoException).code}` : message;
  } catch {
    // Hooks may throw anything, as an error whose name is a symbol.
    return message;
  }
}
