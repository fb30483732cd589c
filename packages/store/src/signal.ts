/** Notifies its listeners of an event. */
export interface Signal {
  fire(): void;
  /** @returns stops listening */
  on(listener: () => void): () => void;
}

export function createSignal(): Signal {
  const listeners = new Set<() => void>();
  return {
    fire() {
      for (const listener of [...listeners]) listener();
    },
    on(listener) {
      // A wrapper of its own, so that a listener that is added twice is called twice and removed one at a time.
      const own = (): void => listener();
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
