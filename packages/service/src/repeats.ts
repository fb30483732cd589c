/** How often a message is written in one period. */
const mostPerPeriod = 5;

/** How long messages are counted together, in milliseconds. */
const periodMs = 10_000;

/** How many different messages are counted at a time; others are written each time. */
const mostMessages = 1_000;

/** Collapses messages that repeat, as when each of thousands of clients meets the same failure. */
export interface Repeats {
  /**
   * Whether a message is to be written; else it is counted.
   *
   * @param error - what it reports: errors of another name or code are another message
   */
  admits(message: string, error?: unknown): boolean;
}

/** @param tell - told of how often a message was left out in a period that is over */
export function createRepeats(tell: (message: string, times: number) => void): Repeats {
  const counts = new Map<string, { readonly message: string; times: number }>();
  const endPeriod = (): void => {
    const ended = [...counts.values()];
    counts.clear();
    for (const { message, times } of ended) if (times > mostPerPeriod) tell(message, times - mostPerPeriod);
  };
  return {
    admits(message, error) {
      const key =
        error instanceof Error ? `${message}\n${error.name} ${(error as NodeJS.ErrnoException).code}` : message;
      let count = counts.get(key);
      if (count === undefined) {
        if (counts.size >= mostMessages) return true;
        count = { message, times: 0 };
        // The first of a period begins it.
        if (counts.size === 0) setTimeout(endPeriod, periodMs).unref();
        counts.set(key, count);
      }
      return ++count.times <= mostPerPeriod;
    },
  };
}
