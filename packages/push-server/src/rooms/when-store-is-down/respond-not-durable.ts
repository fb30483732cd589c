import { failed, type Result, success } from '@gopush/contract';
import { StoreError } from '@gopush/store';

/** Asks the store. Failures: `payload_invalid` for a wrong argument, `inbox_full`, `not_durable` while the store is down. */
export async function askStore<T>(ask: () => Promise<T>): Promise<Result<T>> {
  try {
    return success(await ask());
  } catch (error) {
    return respondNotDurable(error);
  }
}

/** Whether a write that was rejected may have been done. */
export function isUncertain(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'store_down' && !error.isUndone;
}

/** The response when the store has not done what it was asked: `not_durable`, if that was not the fault of the caller. */
export function respondNotDurable(error: unknown): Result<never> {
  const code = error instanceof StoreError ? error.code : undefined;
  if (code === 'bad_argument') return failed('payload_invalid', undefined, error);
  return failed(code === 'inbox_full' ? code : 'not_durable', undefined, error);
}
