import { scopeEnd, storedRoom } from '@gopush/contract';
import type { Store } from '@gopush/store';

/** Most names that a search returns. */
const most = 50;

/** What a search has found. */
export interface FoundByPrefix {
  readonly names: readonly string[];
  /** Whether there are more, or too much would have to be looked at to know. */
  readonly more: boolean;
}

/**
 * Finds users that are online, or rooms with users in them, by how their names begin.
 *
 * @param scope - of their product, which is left out of the names
 * @throws StoreError
 */
export async function search(
  { presence }: Store,
  kind: 'user' | 'room',
  prefix: string,
  scope: string,
): Promise<FoundByPrefix> {
  const start = kind === 'room' ? storedRoom('', scope) : scope;
  const { names, isWhole } = await presence.find(kind, start + prefix, most);
  const plain = names.map((name) => name.slice(start.length));
  // Names of the default product have no scope: those of other products may begin in the same way.
  return { names: plain.filter((name) => !name.includes(scopeEnd)), more: !isWhole };
}
