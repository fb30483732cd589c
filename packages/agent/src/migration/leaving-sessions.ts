import type { Member } from '../route/fleet.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';

/**
 * How many sessions a target may have been asked for that it has not given yet. Their clients wait, so the target sets the pace. A request counts for
 * at most `askMs` milliseconds: sessions that take longer, or cannot migrate, keep no others waiting.
 */
const atOnce = 50;
const askMs = 250;

/** The sessions that are to leave one target, in the order in which they are asked for. */
export class LeavingSessions {
  readonly #member: Member;
  readonly #waiting = new Set<Tunnel>();
  /** Those that were asked for, with when that was. */
  readonly #asked = new Map<Tunnel, number>();

  constructor(member: Member) {
    this.#member = member;
  }

  add(tunnel: Tunnel): void {
    this.#waiting.add(tunnel);
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
    for (const [tunnel, at] of this.#asked) if (now - at >= askMs || !this.#isHere(tunnel)) this.#asked.delete(tunnel);
  }

  /** Asks for the next session. @returns its tunnel; `undefined`: none could be asked for */
  askNext(now: number): Tunnel | undefined {
    for (const tunnel of this.#waiting) {
      this.#waiting.delete(tunnel);
      if (!this.#isHere(tunnel) || tunnel.migration?.migrate(now) !== true) continue;
      this.#asked.set(tunnel, now);
      return tunnel;
    }
    return undefined;
  }

  #isHere(tunnel: Tunnel): boolean {
    return tunnel.info.member === this.#member && !tunnel.isHeld && !tunnel.isOver;
  }
}
