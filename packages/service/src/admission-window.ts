/** A place in a window: admitted work that has not ended. */
export interface Place {
  /** When it was admitted or resumed, in milliseconds. */
  at: number;
  /** The names under which it counts, such as a user and a network. Empty: it counts for nobody. */
  readonly owners: readonly string[];
}

/** Options of an admission window. */
export interface AdmissionWindowOptions {
  /** Places at the start, and after a period without work. @defaultValue no limit until there is a reason for one */
  readonly start?: number;
  /** How much longer than twice the quickest recent work may take, in milliseconds. @defaultValue no limit */
  readonly toleranceMs?: number;
  /** Places beyond the limit, as a share of it, for those who hold few while one holds half of all. @defaultValue 0 */
  readonly reserve?: number;
}

/** Fewest places. */
const least = 16;

/** Most places of a window that began with a limit. A window that began without one returns to having none. */
const most = 4_096;

/** Time between two verdicts, and between two reductions, in milliseconds. */
const turnMs = 100;

/** After how long without work a window starts again, in milliseconds. */
const idleMs = 5_000;

/** Factor by which a window grows after a good verdict. */
const growth = 1.5;

/** Work that takes longer than this loses its place, in milliseconds: it may be waiting for its client, which must not keep others out. */
const staleMs = 1_000;

/** Only an owner who holds at least this many places may be a hog. */
const hogs = 8;

/** An owner who holds at most this share of the places in use holds few. */
const little = 1 / 16;

/** How long the quickest work is the reference, in milliseconds; it is forgotten within twice that time. */
const memoryMs = 30_000;

/**
 * An adaptive concurrency limit. Work admitted beyond what a process can do only waits, and finishes too late for its client.
 *
 * Ten times a second, the window checks how long work took. If a downstream process refused work, the window shrinks to half of the places in use.
 * If the median was late twice in a row, it shrinks to half or less: to as many places as would have been in time. Otherwise it grows by half if it
 * was used. As in TCP (RFC 5681), only work that began after one verdict counts for the next. As in TCP Vegas, late is relative to the quickest.
 *
 * All times are in milliseconds, of one clock that the caller chooses.
 */
export class AdmissionWindow {
  readonly #start: number;
  readonly #toleranceMs: number;
  readonly #reserve: number;
  /** Places of work that may be waiting for its client, oldest first. */
  readonly #places = new Set<Place>();
  /** Places of work that does not wait. */
  readonly #working = new Set<Place>();
  /** How many places each owner holds. */
  readonly #held = new Map<string, number>();
  /** The owner that has held most lately. */
  #hog = '';
  #limit: number;
  /** Most places in use since the last verdict. */
  #peak = 0;
  #judgedAt = Number.NEGATIVE_INFINITY;
  #reducedAt = Number.NEGATIVE_INFINITY;
  #usedAt = Number.NEGATIVE_INFINITY;
  #wasLate = false;
  /** Durations of work that began after the last verdict. */
  #samples: number[] = [];
  #quickest = Number.POSITIVE_INFINITY;
  #quickestBefore = Number.POSITIVE_INFINITY;
  #turnedAt = Number.NEGATIVE_INFINITY;

  constructor({
    start = Number.POSITIVE_INFINITY,
    toleranceMs = Number.POSITIVE_INFINITY,
    reserve = 0,
  }: AdmissionWindowOptions) {
    this.#start = start;
    this.#limit = start;
    this.#toleranceMs = toleranceMs;
    this.#reserve = reserve;
  }

  /** Number of places. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether work was late recently: since the last verdict, or so often that there are fewer places than at the start. */
  get isLate(): boolean {
    return this.#wasLate || this.#limit < this.#start;
  }

  /** Number of places in use. */
  taken(now: number): number {
    for (const place of this.#places) {
      if (now - place.at < staleMs) break;
      this.#remove(this.#places, place);
    }
    return this.#places.size + this.#working.size;
  }

  /** Number of free places. */
  free(now: number): number {
    const taken = this.taken(now);
    if (taken === 0 && now - this.#usedAt > idleMs) {
      this.#limit = Math.max(this.#limit, this.#start);
      this.#wasLate = false;
    }
    return this.#limit - taken;
  }

  /** Number of free places for an owner, those in reserve included: another owner must not be able to keep it out. */
  freeFor(owner: string | undefined, now: number): number {
    const free = this.free(now);
    return free >= 1 || this.heldByHog(owner, now) === 0 ? free : free + this.#limit * this.#reserve;
  }

  /** How many places a hog holds that has half of those in use, seen by an owner who holds few; 0: there is no such hog, or the owner is the hog. */
  heldByHog(owner: string | undefined, now: number): number {
    const taken = this.taken(now);
    const held = this.#heldBy(this.#hog);
    if (held < hogs || owner === undefined || owner === this.#hog) return 0;
    return held * 2 >= taken && this.#heldBy(owner) < taken * little ? held : 0;
  }

  /** Whether an owner holds half of the places, or more: the other half is for others. */
  holdsHalf(owner: string, now: number): boolean {
    const half = this.#limit / 2;
    return this.taken(now) >= half && this.#heldBy(owner) >= half;
  }

  /** Admits work. @param owners - its {@link Place.owners}; the first may use the reserve. @returns `undefined`: there is no free place */
  enter(now: number, ...owners: string[]): Place | undefined {
    const free = this.freeFor(owners[0], now);
    this.#usedAt = now;
    return free < 1 ? undefined : this.#admit(now, owners);
  }

  /**
   * Admits work in the place of a hog's: of the oldest that may be waiting for its client.
   *
   * @param owners - its {@link Place.owners}: none of them may hold as many places as the hog
   * @returns `undefined`: there is no such work
   */
  enterInstead(now: number, ...owners: string[]): Place | undefined {
    const hog = this.#hog;
    const held = this.#heldBy(hog);
    if (held < hogs || owners.some((name) => this.#heldBy(name) >= held)) return undefined;
    for (const place of this.#places) {
      if (!place.owners.includes(hog)) continue;
      this.#remove(this.#places, place);
      return this.#admit(now, owners);
    }
    return undefined;
  }

  /** Admitted work no longer waits for its client: it holds its place until it leaves, even if it had lost it. */
  resume(place: Place, now: number): void {
    this.#remove(this.#places, place);
    place.at = now;
    this.#add(this.#working, place);
  }

  /** Frees the place of work that ended or was given up, unless it has lost its place already. */
  leave(place: Place): void {
    this.#remove(this.#places, place);
    this.#remove(this.#working, place);
  }

  /** Notes that work succeeded, and how long it took. */
  took(ms: number, now: number): void {
    this.#remember(ms, now);
    if (now - ms < this.#judgedAt) return;
    this.#samples.push(ms);
    if (now - this.#judgedAt >= turnMs) this.#judge(now);
  }

  /** Notes that a downstream process is overloaded. Reports at about the same time count as one. */
  refused(now: number): void {
    if (now - this.#reducedAt < turnMs) return;
    this.#reduce(1 / 2, now);
    this.#begin(now);
  }

  #admit(now: number, owners: readonly string[]): Place {
    const place = { at: now, owners };
    this.#add(this.#places, place);
    this.#peak = Math.max(this.#peak, this.taken(now));
    return place;
  }

  #heldBy(name: string): number {
    return this.#held.get(name) ?? 0;
  }

  #add(places: Set<Place>, place: Place): void {
    places.add(place);
    for (const name of place.owners) {
      const held = this.#heldBy(name) + 1;
      this.#held.set(name, held);
      if (held > this.#heldBy(this.#hog)) this.#hog = name;
    }
  }

  #remove(places: Set<Place>, place: Place): void {
    if (!places.delete(place)) return;
    for (const name of place.owners) {
      const held = this.#heldBy(name) - 1;
      if (held > 0) this.#held.set(name, held);
      else this.#held.delete(name);
    }
  }

  #judge(now: number): void {
    const median = this.#samples.sort((a, b) => a - b)[this.#samples.length >> 1] as number;
    const allowed = 2 * Math.min(this.#quickest, this.#quickestBefore) + this.#toleranceMs;
    const isLate = median > allowed;
    if (isLate && this.#wasLate) this.#reduce(Math.min(1 / 2, allowed / median), now);
    else if (!isLate && (this.#limit < this.#start || this.#peak * 2 >= this.#limit)) this.#grow();
    this.#wasLate = isLate;
    this.#begin(now);
  }

  #begin(now: number): void {
    this.#judgedAt = now;
    this.#samples = [];
    this.#peak = this.taken(now);
  }

  #reduce(share: number, now: number): void {
    this.#reducedAt = now;
    this.#limit = Math.max(least, Math.min(this.#limit, this.#peak) * share);
  }

  #grow(): void {
    this.#limit *= growth;
    if (this.#limit > most) this.#limit = Math.max(most, this.#start);
  }

  #remember(ms: number, now: number): void {
    if (now - this.#turnedAt > memoryMs) {
      this.#turnedAt = now;
      this.#quickestBefore = this.#quickest;
      this.#quickest = ms;
    } else if (ms < this.#quickest) this.#quickest = ms;
  }
}
