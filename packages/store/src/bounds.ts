import { nameFault } from '@gopush/contract';
import { StoreError } from './store-error.ts';

/** Longest name (room, uid, id, key) in bytes of UTF-8: keys of the embedded store end at 1,978, and some are made of four names. */
const maxNameBytes = 400;

/** How long a call may take until it is rejected as `store_down`, in milliseconds. */
export const callMs = 2_000;

/** Most expired entries that one call removes besides its own work; later calls remove the rest. */
export const removalsPerCall = 500;

/** Most bytes of messages that one read of a history returns. The first message is returned whatever its size. */
export const pageBytes = 4 * 1024 * 1024;

/** How many idempotency keys of one room, and how many acknowledged ids of one inbox, are remembered. */
export const rememberedIds = 10_000;

/** Separates the product from the rest of a name. Push-servers write it; the store rejects it anywhere else. */
const scopeEnd = '\u001f';

/** Rejects names that a store could not keep, or could not tell from others. */
export function checkNames(...names: readonly string[]): void {
  for (const name of names) {
    const fault = nameFault(name.replace(scopeEnd, ''), maxNameBytes);
    if (fault === undefined) continue;
    throw new StoreError('bad_argument', `a name is invalid (${fault}): ${JSON.stringify(name.slice(0, 40))}`);
  }
}

/** Rejects numbers that are not integers, or are less than `least`. */
export function checkIntegers(least: number, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new StoreError('bad_argument', `${name} must be an integer of at least ${least}, not ${value}`);
    }
  }
}
