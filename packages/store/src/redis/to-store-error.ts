import { StoreError, type StoreErrorCode } from '../store-error.ts';
import { explainRedisError, tellsNothing } from './explain-redis-error.ts';

/** First words of errors of Redis, and the codes they mean. */
const meanings: Readonly<Record<string, StoreErrorCode>> = {
  OOM: 'store_full',
  MISCONF: 'store_full',
  INBOXFULL: 'inbox_full',
  NOAUTH: 'store_denied',
  NOPERM: 'store_denied',
  WRONGPASS: 'store_denied',
  WRONGTYPE: 'store_corrupt',
};

/** Errors that pass: the server is starting, or a failover is in progress. */
const passing = new Set([
  'LOADING',
  'CLUSTERDOWN',
  'MASTERDOWN',
  'READONLY',
  'TRYAGAIN',
  'NOREPLICAS',
  'BUSY',
  'UNBLOCKED',
]);

/**
 * Converts an error of the client to a StoreError. It has no `cause`: its message contains all of it, and loggers would write it twice.
 *
 * @param problem - why there is no connection
 */
export function toStoreError(error: unknown, problem?: string): StoreError {
  if (error instanceof StoreError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === 'ReplyError') return refusalError(message);
  const why = problem ?? (tellsNothing(message) ? 'there is no connection' : explainRedisError(error));
  return new StoreError('store_down', `Redis cannot be reached: ${why}`);
}

/** Converts an error reply of Redis. */
export function refusalError(message: string): StoreError {
  const word = wordOf(message);
  const why = explainRedisError(message);
  if (passing.has(word)) return new StoreError('store_down', `Redis does not serve now: ${why}`);
  return new StoreError(meanings[word] ?? 'store_failed', `Redis refused: ${why}`);
}

/** First word of an error reply. For a script, Redis puts it behind words of its own, or a `-`. */
function wordOf(message: string): string {
  return /^(?:ERR )?-?([A-Z]+)/.exec(message)?.[1] ?? '';
}
