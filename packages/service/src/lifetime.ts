/** Closes something that was opened. */
export type Close = () => void | Promise<void>;

/** What was opened, to be closed in reverse order, once. */
export interface Lifetime {
  /** Remembers how to close what was just opened. After closing began, closes it at once. */
  opened(what: string, close: Close): void;
  /** Closes everything, the last opened first. Every call returns the same promise; a failing close does not stop the others. */
  close(): Promise<void>;
}

/** Opening returns closing; whoever opens closes, in reverse order, once. */
export function createLifetime(onError: (what: string, error: unknown) => void): Lifetime {
  const open: { what: string; close: Close }[] = [];
  let closing: Promise<void> | undefined;

  async function closeOne(what: string, close: Close): Promise<void> {
    try {
      await close();
    } catch (error) {
      onError(what, error);
    }
  }
  async function closeAll(): Promise<void> {
    for (let last = open.pop(); last !== undefined; last = open.pop()) await closeOne(last.what, last.close);
  }
  return {
    opened(what, close) {
      if (closing === undefined) open.push({ what, close });
      else closing = closing.then(() => closeOne(what, close));
    },
    close: () => (closing ??= closeAll()),
  };
}
