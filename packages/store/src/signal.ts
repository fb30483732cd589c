/** Tells its listeners that something has happened. */
export interface Signal {
  tell(): void;
  /** @returns stops listening */
  on(listener: () => void): () => void;
}

export function createSignal(): Signal {
  const listeners = new Set<() => void>();
  return {
    tell() {
      for (const listener of [...listeners]) listener();
    },
    on(listener) {
      // Its own function: the same listener given twice is called twice, and stopped one by one.
      const own = (): void => listener();
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
