import type { StoreState } from './store.ts';

/** A state that tells its listeners when it changes. */
export interface StateCell {
  get(): StoreState;
  set(state: StoreState): void;
  onChange(listener: (state: StoreState) => void): () => void;
}

/** @param first - the state to begin with */
export function createState(first: StoreState): StateCell {
  const listeners = new Set<(state: StoreState) => void>();
  let state = first;
  return {
    get: () => state,
    set(next) {
      if (next === state) return;
      state = next;
      for (const listener of [...listeners]) listener(next);
    },
    onChange(listener) {
      // Its own function: the same listener given twice is called twice, and stopped one by one.
      const own = (now: StoreState): void => listener(now);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
