/**
 * Why a store did not do what it was asked.
 *
 * - `store_down`: not reached, or no answer in time. Whether a write was done is not known.
 * - `store_full`: no space left, on disk or in the memory of Redis. Nothing was written.
 * - `store_corrupt`: what is kept cannot be read. It is left as it is.
 * - `store_format`: kept by another version of gopush. It is left as it is.
 * - `store_denied`: this user may not read or write there.
 * - `store_closed`: asked after `close()`.
 * - `inbox_full`: this inbox is at its bounds.
 * - `no_lease`: a node speaks of its clients without a lease that runs.
 * - `bad_argument`: a name or a number out of its range.
 * - `store_failed`: anything else, see `cause`.
 */
export type StoreErrorCode =
  | 'store_down'
  | 'store_full'
  | 'store_corrupt'
  | 'store_format'
  | 'store_denied'
  | 'store_closed'
  | 'inbox_full'
  | 'no_lease'
  | 'bad_argument'
  | 'store_failed';

/** What every call of a store rejects with. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
