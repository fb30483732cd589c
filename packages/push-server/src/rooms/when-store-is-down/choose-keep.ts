/**
 * How a message is handled before it is sent:
 *
 * - `keep`: it is appended to the history.
 * - `refuse`: it has to be kept, and rooms keep no history.
 * - `send`: it is sent without being kept.
 * - `miss`: the same, although it should be kept: the store is down.
 */
export type KeepChoice = 'keep' | 'refuse' | 'send' | 'miss';

/**
 * Chooses whether a message is kept.
 *
 * @param keepsHistory - whether rooms keep a history: `pushServer.history.count` is more than 0
 * @param isStoreUp - whether the store can be reached, as far as is known
 */
export function chooseKeep(keep: 'must' | 'try' | 'no', keepsHistory: boolean, isStoreUp: boolean): KeepChoice {
  if (keep === 'no') return 'send';
  if (!keepsHistory) return keep === 'must' ? 'refuse' : 'send';
  // A message that must be kept is tried in any case: only the store itself knows whether it can keep it.
  return keep === 'must' || isStoreUp ? 'keep' : 'miss';
}
