/** Closes something that was opened. */
export type Close = () => void | Promise<void>;

/** Closes all that was opened in it, in reverse order, once. */
export interface Lifetime {
  /** Registers how to close something that was just opened. If closing has begun, closes it at once. */
  opened(what: string, close: Close): void;
  /** Closes everything, last opened first. Every call returns the same promise. A failing close does not stop the others. */
  close(): Promise<void>;
}

/** Creates a lifetime: everything that is opened in it is closed in reverse order, once. */
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
