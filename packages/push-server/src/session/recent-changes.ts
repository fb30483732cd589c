/** Most changes that are remembered. Beyond it, those of the users whose last change is the oldest are forgotten. */
const maxChanges = 50_000;

/**
 * How much earlier than a session was stored a later change may seem to be, in milliseconds: push-servers receive a change one after the other, and
 * their clocks differ.
 */
const slackMs = 1_000;

/** Changes that a program made to a user since some time. */
export interface Changes {
  /** Whether it disconnected the user. */
  readonly ended: boolean;
  /** Rooms by their plain names, with the last change of each. */
  readonly rooms: ReadonlyMap<string, 'join' | 'leave'>;
}

interface Change {
  readonly at: number;
  readonly change: 'join' | 'leave' | 'end';
}

/**
 * What programs did to users recently: which they added to rooms, removed from rooms, or disconnected. A session that
 * migrates, or whose connection was lost, is on no push-server at that moment, and is changed when it is restored.
 */
export class RecentChanges {
  readonly #keepMs: number;
  readonly #most: number;
  /** By user, with the last change at the end, then by room; `''` stands for a disconnection. */
  readonly #users = new Map<string, Map<string, Change>>();
  #count = 0;

  /** @param keepMs - how long a session is stored, in milliseconds */
  constructor(keepMs: number, most = maxChanges) {
    this.#keepMs = keepMs + slackMs;
    this.#most = most;
  }

  /** The number of changes that are remembered. */
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

  /** @param at - when the session was stored, in milliseconds since 1970 */
  since(user: string, at: number): Changes {
    const changes = this.#users.get(user);
    if (changes === undefined) return none;
    const later = [...changes].filter(([, one]) => one.at >= at - slackMs);
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

/** As for almost all users. */
const none: Changes = { ended: false, rooms: new Map() };
