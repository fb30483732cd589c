import { StoreError } from './store-error.ts';

/** Rejects with `store_down` what is not done in time; what comes of it later is not looked at. */
export function within<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const deadline = setTimeout(() => reject(new StoreError('store_down', `${what} gave no answer in ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(deadline));
  });
}
