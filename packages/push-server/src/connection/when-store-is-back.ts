import { isBack, type Store } from '@gopush/store';

/**
 * Does some work whenever the store may have lost writes: after it was down, and after it lost everything.
 *
 * @returns stops it
 */
export function whenStoreIsBack(store: Store, work: () => void): () => void {
  const offForgotten = store.onForgotten(work);
  const offState = store.onState((state, before) => {
    if (isBack(state, before)) work();
  });
  return () => {
    offForgotten();
    offState();
  };
}
