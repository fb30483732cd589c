import type { Member } from '../route/fleet.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';

/**
 * How many sessions a target may have been asked for that it has not given yet. Their clients wait, so the target sets the pace. A request counts for
 * at most `askMs` milliseconds: sessions that take longer, or cannot migrate, keep no others waiting.
 */
const atOnce = 50;
const askMs = 250;

/** A session that can be asked to leave its target: of a tunnel, or of a client that was handed over. */
export interface LeavingSession {
  /** The target that it is at. */
  readonly member: Member;
  /** Who its client is; `undefined`: that is not known any more. */
  readonly info: Pick<TunnelInfo, 'uid' | 'address' | 'product'> | undefined;
  /** Whether it waits for its next target. */
  readonly isHeld: boolean;
  readonly isOver: boolean;
  /** Whether it can migrate at all. */
  readonly canMigrate: boolean;
  /** Asks its target to give it. @returns whether it could be asked */
  migrate(now: number): boolean;
}

/** The sessions that are to leave one target, in the order in which they are asked for. */
export class LeavingSessions {
  readonly #member: Member;
  readonly #waiting = new Set<LeavingSession>();
  /** Those that were asked for, with when that was. */
  readonly #asked = new Map<LeavingSession, number>();

  constructor(member: Member) {
    this.#member = member;
  }

  add(session: LeavingSession): void {
    this.#waiting.add(session);
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#asked.size === 0;
  }

  /** Whether another session can be asked for now. */
  get canAsk(): boolean {
    return this.#waiting.size > 0 && this.#asked.size < atOnce;
  }

  /** Forgets requests that are fulfilled, or count no longer. */
  forgetOld(now: number): void {
    for (const [session, at] of this.#asked)
      if (now - at >= askMs || !this.#isHere(session)) this.#asked.delete(session);
  }

  /** Asks for the next session. @returns the session; `undefined`: none could be asked for */
  askNext(now: number): LeavingSession | undefined {
    for (const session of this.#waiting) {
      this.#waiting.delete(session);
      if (!this.#isHere(session) || !session.migrate(now)) continue;
      this.#asked.set(session, now);
      return session;
    }
    return undefined;
  }

  #isHere(session: LeavingSession): boolean {
    return session.member === this.#member && !session.isHeld && !session.isOver;
  }
}
