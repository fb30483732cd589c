import type { Store } from '@gopush/store';

/** Most users of a page, and most messages of the tail. */
const most = { users: 50, tail: 20 };

/** A room, as the store knows it. */
export interface FoundRoom {
  /** A page of its users, by uid. */
  readonly users: readonly { readonly uid: string; readonly devices: number }[];
  /** Where the next page begins; `null`: this is the last one. */
  readonly next: string | null;
  /** Its last position; `null`: it has no history. */
  readonly position: { readonly epoch: string; readonly offset: number } | null;
  /** Messages in its history. */
  readonly kept: number;
  /** Its last messages without what they say, oldest first. */
  readonly tail: readonly { readonly offset: number; readonly at: number; readonly bytes: number }[];
  /** Messages per minute, as the tail shows; `null`: too few to tell. */
  readonly perMinute: number | null;
}

/**
 * Finds who is in a room, and what was published there last.
 *
 * @param room - its stored name
 * @param scope - of its product, which is left out of uids
 * @param after - `next` of the page before
 * @throws StoreError
 */
export async function lookUpRoom(
  { presence, history }: Store,
  room: string,
  scope: string,
  after: string | undefined,
): Promise<FoundRoom> {
  const [page, { epoch, first, last }] = await Promise.all([
    presence.room(room, most.users, after),
    history.read(room, 0, 0),
  ]);
  const { messages } = await history.read(room, Math.max(0, last - most.tail), most.tail);
  const tail = messages.map(({ offset, at, payload }) => ({ offset, at, bytes: payload.length }));
  return {
    users: page.users.map(({ uid, devices }) => ({ uid: uid.slice(scope.length), devices })),
    next: page.next ?? null,
    position: epoch === undefined ? null : { epoch, offset: last },
    kept: epoch === undefined ? 0 : last - first + 1,
    tail,
    perMinute: rateOf(tail),
  };
}

function rateOf(tail: FoundRoom['tail']): number | null {
  const [first, last] = [tail[0], tail.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return null;
  return Math.round(((tail.length - 1) * 600_000) / (last.at - first.at)) / 10;
}
