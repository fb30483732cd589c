import { callMs } from '../bounds.ts';
import { within } from '../deadline.ts';
import { StoreError } from '../store-error.ts';

/** Converts an error of the database to a StoreError. A failed commit has its reason in a promise of its own. */
export async function toStoreError(error: unknown, path: string): Promise<StoreError> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (commitError === undefined) return toKnownError(error, path);
  const reason = await within(commitError, callMs, path).catch((cause: unknown) => cause);
  return toKnownError(reason ?? error, path);
}

/** Converts an error that is not a failed commit. */
export function toKnownError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message } = error as { code?: unknown; message?: string };
  const describe = (what: string): string => `${path}: ${what} (${message})`;
  const options = { cause: error };
  switch (code) {
    // No space, file too large, quota; by number from the database, by name from Node. The last: its map cannot grow.
    case 28:
    case 27:
    case 122:
    case 'ENOSPC':
    case 'EFBIG':
    case 'EDQUOT':
    case -30_792:
      return new StoreError('store_full', describe('no space is left'), options);
    case 'EACCES':
    case 'EROFS':
    case 'EPERM':
    case 13:
    case 30:
    case 1:
      return new StoreError('store_denied', describe('it cannot be written by this user'), options);
    case 'ENOENT':
      return new StoreError('store_down', describe('it was removed'), options);
    // Page not found, corrupted, panic, version mismatch, not a database.
    case -30_797:
    case -30_796:
    case -30_795:
    case -30_794:
    case -30_793:
      return new StoreError('store_corrupt', describe('it is damaged and was not changed'), options);
    default:
      return new StoreError('store_failed', describe('it failed'), options);
  }
}
