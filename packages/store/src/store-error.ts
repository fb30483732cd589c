/**
 * Why a call of a store failed.
 *
 * - `store_down`: not reached, or no response in time. Whether a write was done is not known, unless {@link StoreError.isUndone} says so.
 * - `store_full`: no space left, on disk or in the memory of Redis. Nothing was written.
 * - `store_corrupt`: the stored data cannot be read. It is left unchanged.
 * - `store_format`: the data was stored by another version of gopush. It is left unchanged.
 * - `store_denied`: this user may not read or write there.
 * - `store_closed`: asked after `close()`.
 * - `inbox_full`: this inbox is at its bounds.
 * - `no_lease`: a node writes presence without a valid lease.
 * - `bad_argument`: a name or a number is out of range.
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

/** The error of every rejected call of a store. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** Private, so that logs do not show it with every error. */
  readonly #isUndone: boolean;

  constructor(code: StoreErrorCode, message: string, options: ErrorOptions & { readonly isUndone?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.#isUndone = options.isUndone === true;
  }

  /** Whether a write that ended with `store_down` was certainly not done, and never will be: it had not begun. */
  get isUndone(): boolean {
    return this.#isUndone;
  }
}
