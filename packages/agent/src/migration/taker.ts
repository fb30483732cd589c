/**
 * How many sessions a target takes over at a time: to begin with, at most, and at least. On a machine that is short of CPU time each session takes long,
 * however few there are: with fewer at a time all would only take longer, and clients that wait give up.
 */
const windows = { first: 16, most: 256, least: 8 } as const;

/** As long as a target takes a session over within this time it may get more at a time, in milliseconds. */
const swiftMs = 150;

/** For how long a target that did not take a session is left alone, in milliseconds: at first, at most, and where it does not answer. */
const rests = { firstMs: 20, lastMs: 250, silentMs: 2_000 } as const;

/** How many sessions in a row it may refuse for reasons that may be theirs. */
const mostDoubts = 3;

/**
 * A target as one that takes sessions over, with those that wait for it.
 *
 * How fast it takes them is for itself to say, by how soon sessions go on: as many are under way as it takes within `swiftMs`, growing by one for
 * each round of them and shrinking by a third where it is slower (AIMD, as TCP does it: Chiu and Jain 1989). The others wait in line. Several
 * agents share a target fairly so, without knowing of each other.
 */
export class Taker {
  readonly #onUp: () => void;
  readonly #line: ((isTurn: boolean) => void)[] = [];
  #window: number = windows.first;
  /** Above this the window grows slowly. */
  #steady: number = windows.most;
  #underWay = 0;
  #shrunkAt = Number.NEGATIVE_INFINITY;
  #tookAt = Number.NEGATIVE_INFINITY;
  #doubts = 0;
  /** Whether it has ever taken one. */
  #isKnown = false;
  /** Whether the last that was heard of it is a failure: then one session at a time finds out whether that is still so. */
  #isDown = false;
  #restMs: number = rests.firstMs;
  #restsUntil = 0;

  /** @param onUp - told when it takes sessions again */
  constructor(onUp: () => void) {
    this.#onUp = onUp;
  }

  /** How many sessions may be under way at a time. */
  get window(): number {
    return Math.floor(this.#window);
  }

  /** Whether it makes sense to wait for it. */
  get isTaking(): boolean {
    return !this.#isDown || (this.#underWay === 0 && performance.now() >= this.#restsUntil);
  }

  /**
   * Resolves with `true` when a session may be given to it, and with `false` when it takes none now. After `true` one of {@link took},
   * {@link failed} and {@link leave} has to follow.
   */
  turn(): Promise<boolean> | boolean {
    if (!this.isTaking) return false;
    if (this.#underWay < this.#window && this.#line.length === 0) {
      this.#underWay++;
      return true;
    }
    return new Promise((resolve) => this.#line.push(resolve));
  }

  /** A session goes on there. @param ms - how long that took, in milliseconds */
  took(ms: number, now = performance.now()): void {
    const isNews = this.#isDown || !this.#isKnown;
    this.#isKnown = true;
    this.#isDown = false;
    this.#window = Math.max(this.#window, windows.least);
    this.#doubts = 0;
    this.#restMs = rests.firstMs;
    this.#tookAt = now;
    if (ms <= swiftMs) this.#grow();
    else this.#shrink(ms, now);
    this.leave();
    if (isNews) this.#onUp();
  }

  /**
   * It did not take a session.
   *
   * @param why - `gone`: it could not be reached, or did not answer; `refused`: it said no, which may be the session's fault
   * @param since - when it was asked, as `performance.now()` tells
   */
  failed(why: 'gone' | 'refused', since: number): void {
    this.#underWay--;
    // The others it takes.
    const isOfSession = why === 'refused' ? ++this.#doubts < mostDoubts : this.#tookAt > since;
    if (isOfSession) {
      this.#next();
      return;
    }
    this.#stop(this.#restMs);
    this.#restMs = Math.min(this.#restMs * 2, rests.lastMs);
  }

  /** It has not answered for long: those that wait for it are better off elsewhere, unless it has taken one that came later. */
  suspect(since: number): void {
    if (this.#tookAt <= since) this.#stop(rests.silentMs);
  }

  /** A turn is over that says nothing of the target. */
  leave(): void {
    this.#underWay--;
    this.#next();
  }

  #next(): void {
    const free = Math.min(Math.floor(this.#window) - this.#underWay, this.#line.length);
    if (free <= 0) return;
    this.#underWay += free;
    for (const go of this.#line.splice(0, free)) go(true);
  }

  #stop(restMs: number): void {
    if (!this.#isDown) this.#steady = Math.max(windows.least, this.#window / 2);
    this.#isDown = true;
    this.#window = 1;
    this.#restsUntil = performance.now() + restMs;
    for (const go of this.#line.splice(0)) go(false);
  }

  #grow(): void {
    const step = this.#window < this.#steady ? 1 : 1 / this.#window;
    this.#window = Math.min(this.#window + step, windows.most);
  }

  /** Once for all that were under way together. */
  #shrink(ms: number, now: number): void {
    if (now - this.#shrunkAt < ms) return;
    this.#shrunkAt = now;
    this.#window = Math.max(windows.least, this.#window * (2 / 3));
    this.#steady = this.#window;
  }
}
