/** Most changes that are remembered; beyond it those of the users who were changed longest ago are forgotten. */
const maxChanges = 50_000;

/**
 * How far apart in time a session may be written down and a change be heard of that came later: push-servers hear of it one after the other, and
 * their clocks differ. In milliseconds.
 */
const slackMs = 1_000;

/** What a program did to a user since some time. */
export interface Changes {
  /** Whether all connections of the user were to end. */
  readonly ended: boolean;
  /** Rooms by their plain names, with the last change in each. */
  readonly rooms: ReadonlyMap<string, 'join' | 'leave'>;
}

interface Change {
  readonly at: number;
  readonly change: 'join' | 'leave' | 'end';
}

/**
 * What programs did to users of late: whom they put into a room, took out of one, or disconnected. A session that is between two push-servers, or
 * whose client was cut off, is on none of them at that moment, and is changed when it goes on.
 */
export class RecentChanges {
  readonly #keepMs: number;
  readonly #most: number;
  /** By users, the one that was changed last at the end; by rooms, `''` for the end of all connections. */
  readonly #users = new Map<string, Map<string, Change>>();
  #count = 0;

  /** @param keepMs - as long as a session may be gone on with, in milliseconds */
  constructor(keepMs: number, most = maxChanges) {
    this.#keepMs = keepMs + slackMs;
    this.#most = most;
  }

  /** How many changes are remembered. */
  get size(): number {
    return this.#count;
  }

  /** @param user - the uid, after the scope of its product */
  moved(user: string, room: string, change: 'join' | 'leave'): void {
    this.#add(user, room, change);
  }

  ended(user: string): void {
    this.#add(user, '', 'end');
  }

  /** @param at - when the session was written down, in milliseconds since 1970 */
  since(user: string, at: number): Changes {
    const later = [...(this.#users.get(user) ?? [])].filter(([, one]) => one.at >= at - slackMs);
    const rooms = later.flatMap(([room, { change }]) => (change === 'end' ? [] : [[room, change] as const]));
    return { ended: later.length > rooms.length, rooms: new Map(rooms) };
  }

  #add(user: string, room: string, change: Change['change']): void {
    const at = Date.now();
    const ofUser = this.#users.get(user) ?? new Map<string, Change>();
    this.#count -= ofUser.size;
    ofUser.delete(room);
    ofUser.set(room, { at, change });
    this.#count += ofUser.size;
    this.#users.delete(user);
    this.#users.set(user, ofUser);
    this.#forget(at);
  }

  #forget(now: number): void {
    for (const [user, changes] of this.#users) {
      for (const [room, { at }] of changes) {
        if (now - at < this.#keepMs && this.#count <= this.#most) break;
        changes.delete(room);
        this.#count--;
      }
      if (changes.size > 0) return;
      this.#users.delete(user);
    }
  }
}
