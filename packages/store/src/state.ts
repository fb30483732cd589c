import type { StateListener, StoreState } from './store.ts';

/** A state that tells its listeners when it changes. */
export interface StateCell {
  get(): StoreState;
  set(state: StoreState): void;
  onChange(listener: StateListener): () => void;
}

/** @param first - the state to begin with */
export function createState(first: StoreState): StateCell {
  const listeners = new Set<StateListener>();
  let state = first;
  return {
    get: () => state,
    set(next) {
      if (next === state) return;
      const before = state;
      state = next;
      for (const listener of [...listeners]) listener(next, before);
    },
    onChange(listener) {
      // Its own function: the same listener given twice is called twice, and stopped one by one.
      const own: StateListener = (now, before) => listener(now, before);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
