import type { StateListener, StoreState } from './store.ts';

/** A state that notifies its listeners of changes. */
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
      // A wrapper of its own, so that a listener that is added twice is called twice and removed one at a time.
      const own: StateListener = (now, before) => listener(now, before);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
