import { StoreError } from './store-error.ts';

/** In how many parts a deadline is counted. */
const parts = 4;

/**
 * Rejects with `store_down` if the work takes too long; its later outcome is ignored. Time in which the event loop of this process was blocked
 * counts little, since the response may have arrived meanwhile.
 */
export function within<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let left = parts;
    const deadline = setTimeout(() => {
      if (--left > 0) deadline.refresh();
      else reject(new StoreError('store_down', `${what} did not respond in ${ms} ms`));
    }, ms / parts);
    work.then(
      (result) => {
        clearTimeout(deadline);
        resolve(result);
      },
      (error: unknown) => {
        clearTimeout(deadline);
        reject(error);
      },
    );
  });
}
