/**
 * How many sessions a target takes at a time: at first, at most, and at least. On a machine that is short of CPU time
 * each session takes long, however few there are: with fewer at a time all would only take longer, and waiting clients
 * would give up.
 */
const windows = { first: 16, most: 256, least: 8 } as const;

/** A target that takes a session within this time gets more of them at a time, in milliseconds. */
const swiftMs = 150;

/**
 * While at least `waiting` sessions wait in line for a target, the time until the last one is taken matters more than the time of each. So the
 * target gets at least `least` at a time, and may take `swiftMs` for each; another target would be asked only after a much longer time. On a
 * busy machine a session takes long because processes wait for the CPU: with few sessions at a time the target would be idle meanwhile.
 */
const crowd = { waiting: 200, least: 32, swiftMs: 350 } as const;

/** How long a target that did not take a session is left alone, in milliseconds: at first, at most, and if it does not respond. */
const rests = { firstMs: 20, lastMs: 250, silentMs: 2_000 } as const;

/** How many refusals in a row may be due to the sessions rather than to the target. */
const mostDoubts = 3;

/** Events of a {@link TargetLine}. */
export interface TargetLineEvents {
  /** Its target takes sessions again. */
  onUp(): void;
  /** It has taken a session. @param now - in time of `performance.now()` */
  onTook(now: number): void;
}

/**
 * Tells a session that waits in line that its turn has come; with `false`, that the target takes none now. It waits there no more.
 *
 * @returns whether it uses its turn
 */
export type OnTurn = (isTurn: boolean) => boolean;

/**
 * The sessions that are under way to a target, and those that wait in line for it.
 *
 * The target sets the pace: as many sessions are under way as it takes within `swiftMs`. Their number grows by one with
 * each round of them, and shrinks by a third when the target is slower (AIMD, like TCP: Chiu and Jain 1989). The
 * others wait in line. So several agents share a target fairly without knowing of each other.
 */
export class TargetLine {
  readonly #events: TargetLineEvents;
  /** Each is called in its turn: promises would cost more, and after a crash thousands wait, some of them in two lines. */
  readonly #waiting = new Set<OnTurn>();
  #window: number = windows.first;
  /** Above this the window grows slowly. */
  #steady: number = windows.most;
  #underWay = 0;
  #shrunkAt = Number.NEGATIVE_INFINITY;
  #tookAt = Number.NEGATIVE_INFINITY;
  #doubts = 0;
  /** Whether it has ever taken one. */
  #isKnown = false;
  /** Whether it failed last: then one session at a time finds out whether it still does. */
  #isDown = false;
  #restMs: number = rests.firstMs;
  #restsUntil = 0;

  constructor(events: TargetLineEvents) {
    this.#events = events;
  }

  /** How many sessions may be under way at a time. */
  get window(): number {
    return Math.floor(this.#window);
  }

  /** How many sessions are under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** How many sessions are under way or wait. One that also waits for another target counts. */
  get load(): number {
    return this.#underWay + this.#waiting.size;
  }

  /** Whether sessions may wait: the target takes sessions, or it is time to try. */
  get isTaking(): boolean {
    return !this.#isDown || (this.#underWay === 0 && performance.now() >= this.#restsUntil);
  }

  /**
   * Asks for a turn. For each that is used, one of {@link took}, {@link failed} and {@link leave} has to be called.
   *
   * @param onTurn - called once, unless the session {@link quit | quits} before
   * @returns `true`: the target may be asked to take the session now; `false`: it takes none now; `undefined`: the session waits
   */
  turn(onTurn: OnTurn): boolean | undefined {
    if (!this.isTaking) return false;
    if (this.#underWay < this.#window && this.#waiting.size === 0) {
      this.#underWay++;
      return true;
    }
    this.#waiting.add(onTurn);
    return undefined;
  }

  /** A session does not wait for its turn any more. */
  quit(onTurn: OnTurn): void {
    this.#waiting.delete(onTurn);
  }

  /** A session continues at the target. @param ms - how long that took, in milliseconds */
  took(ms: number, now = performance.now()): void {
    const isNews = this.#isDown || !this.#isKnown;
    this.#isKnown = true;
    this.#isDown = false;
    const { least, swiftMs: swift } = this.#pace;
    this.#window = Math.max(this.#window, least);
    this.#doubts = 0;
    this.#restMs = rests.firstMs;
    this.#tookAt = now;
    if (ms <= swift) this.#grow();
    else this.#shrink(ms, now, least);
    this.leave();
    this.#events.onTook(now);
    if (isNews) this.#events.onUp();
  }

  /**
   * The target did not take a session.
   *
   * @param why - `gone`: it could not be reached, or did not respond; `refused`: it refused, which may be due to the session
   * @param since - when it was asked, in time of `performance.now()`
   */
  failed(why: 'gone' | 'refused', since: number): void {
    this.#underWay--;
    // It takes other sessions.
    const isOfSession = why === 'refused' ? ++this.#doubts < mostDoubts : this.#tookAt > since;
    if (isOfSession) {
      this.#next();
      return;
    }
    this.#stop(this.#restMs);
    this.#restMs = Math.min(this.#restMs * 2, rests.lastMs);
  }

  /** The target has not responded for long: sessions that wait for it try others, unless it has taken one that came later. */
  suspect(since: number): void {
    if (this.#tookAt <= since) this.#stop(rests.silentMs);
  }

  /** A turn is over, for a reason that does not lie with the target. */
  leave(): void {
    this.#underWay--;
    this.#next();
  }

  get #pace(): { readonly least: number; readonly swiftMs: number } {
    return this.#waiting.size >= crowd.waiting ? crowd : { least: windows.least, swiftMs };
  }

  #next(): void {
    for (const onTurn of this.#waiting) {
      if (this.#underWay >= this.window) return;
      this.#waiting.delete(onTurn);
      this.#underWay++;
      if (!onTurn(true)) this.#underWay--;
    }
  }

  #stop(restMs: number): void {
    if (!this.#isDown) this.#steady = Math.max(windows.least, this.#window / 2);
    this.#isDown = true;
    this.#window = 1;
    this.#restsUntil = performance.now() + restMs;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const onTurn of waiting) onTurn(false);
  }

  #grow(): void {
    const step = this.#window < this.#steady ? 1 : 1 / this.#window;
    this.#window = Math.min(this.#window + step, windows.most);
  }

  /** Once for all sessions that were under way together. */
  #shrink(ms: number, now: number, least: number): void {
    if (now - this.#shrunkAt < ms) return;
    this.#shrunkAt = now;
    this.#window = Math.max(least, this.#window * (2 / 3));
    this.#steady = this.#window;
  }
}
