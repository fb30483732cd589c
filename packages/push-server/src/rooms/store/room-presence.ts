import { maxPresencePage, type PresencePage, type Result, success } from '@gopush/contract';
import type { PresenceStore } from '@gopush/store';
import { withoutScope } from '../names/product-scope.ts';
import { askStore } from '../when-store-is-down/respond-not-durable.ts';

/** One user in a room, and on how many devices. */
export type RoomUser = PresencePage['users'][number];

/** Who is in rooms, by their full names. */
export class RoomPresence {
  readonly #store: PresenceStore;

  constructor(store: PresenceStore) {
    this.#store = store;
  }

  /** Some of the users in a room. @param after - the user after which the page begins */
  page(room: string, limit: number, after: string | undefined): Promise<Result<PresencePage>> {
    return askStore(async () => {
      const { users, next = null } = await this.#store.room(room, limit, after);
      return { users: users.map(({ uid, devices }) => ({ uid: withoutScope(uid), devices })), next };
    });
  }

  /** All users in a room, read by pages. */
  async all(room: string): Promise<Result<readonly RoomUser[]>> {
    const users: RoomUser[] = [];
    for (let after: string | undefined; ; ) {
      const page = await this.page(room, maxPresencePage, after);
      if (!page.ok) return page;
      users.push(...page.value.users);
      if (page.value.next === null) return success(users);
      after = page.value.next;
    }
  }
}
