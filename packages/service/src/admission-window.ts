/** A place in a window: work that was let in and has not ended. */
export interface Place {
  /** When it was let in, or went on, in milliseconds. */
  at: number;
}

/** What an admission window is made with. */
export interface AdmissionWindowOptions {
  /** Places at the start, and after a time without work. @defaultValue no bound until there is a reason for one */
  readonly start?: number;
  /** By how much work may take longer than twice the quickest of late, in milliseconds. @defaultValue however long */
  readonly toleranceMs?: number;
}

/** Fewest places. */
const least = 16;

/** Most places of a window that began with a bound; one that began without has none again. */
const most = 4_096;

/** Time between two verdicts, and between two reductions, in milliseconds. */
const turnMs = 100;

/** After how long without work a window is as at the start, in milliseconds. */
const idleMs = 5_000;

/** By which factor a window grows with a good verdict. */
const growth = 1.5;

/** Work that was let in and takes longer has no place any more: it may wait for its client, which must not keep others out; milliseconds. */
const staleMs = 1_000;

/** How long the quickest work counts as the measure, in milliseconds; it is forgotten within twice that. */
const memoryMs = 30_000;

/**
 * How much work may be in progress at a time: an adaptive concurrency limit. What is let in beyond what a process can do only waits, and is
 * finished too late for its client.
 *
 * Ten times a second, the window looks at how long work took. Where somebody downstream refused work, half as many places are left as were
 * taken; where the median is late twice in a row, half or less: as many as would have been in time. Otherwise the window grows by half, where
 * it was used. As in TCP (RFC 5681) only work that began after one verdict counts for the next, and as in TCP Vegas late is relative to the
 * quickest.
 *
 * All times are in milliseconds, of one clock that the caller chooses.
 */
export class AdmissionWindow {
  readonly #start: number;
  readonly #toleranceMs: number;
  /** Those of work that may wait for somebody else, the oldest first. */
  readonly #places = new Set<Place>();
  /** Those of work that does not. */
  readonly #working = new Set<Place>();
  #limit: number;
  /** Most places that were taken since the last verdict. */
  #peak = 0;
  #judgedAt = Number.NEGATIVE_INFINITY;
  #reducedAt = Number.NEGATIVE_INFINITY;
  #usedAt = Number.NEGATIVE_INFINITY;
  #wasLate = false;
  /** How long work took that has begun since the last verdict. */
  #samples: number[] = [];
  #quickest = Number.POSITIVE_INFINITY;
  #quickestBefore = Number.POSITIVE_INFINITY;
  #turnedAt = Number.NEGATIVE_INFINITY;

  constructor({ start = Number.POSITIVE_INFINITY, toleranceMs = Number.POSITIVE_INFINITY }: AdmissionWindowOptions) {
    this.#start = start;
    this.#limit = start;
    this.#toleranceMs = toleranceMs;
  }

  /** How much work may be in progress now. */
  get limit(): number {
    return this.#limit;
  }

  /** How much work is in progress. */
  taken(now: number): number {
    for (const place of this.#places) {
      if (now - place.at < staleMs) break;
      this.#places.delete(place);
    }
    return this.#places.size + this.#working.size;
  }

  /** How much more work may begin. */
  free(now: number): number {
    const taken = this.taken(now);
    if (taken === 0 && now - this.#usedAt > idleMs) {
      this.#limit = Math.max(this.#limit, this.#start);
      this.#wasLate = false;
    }
    return this.#limit - taken;
  }

  /** Lets work in. @returns `undefined`: there is no place */
  enter(now: number): Place | undefined {
    const free = this.free(now);
    this.#usedAt = now;
    if (free < 1) return undefined;
    const place = { at: now };
    this.#places.add(place);
    this.#peak = Math.max(this.#peak, this.taken(now));
    return place;
  }

  /** Work that was let in waits for nobody from now on: it has a place until it leaves that, even where there was none any more. */
  resume(place: Place, now: number): void {
    this.#places.delete(place);
    place.at = now;
    this.#working.add(place);
  }

  /** Work has ended, or is given up; one whose place is taken back already has none to leave. */
  leave(place: Place): void {
    if (!this.#places.delete(place)) this.#working.delete(place);
  }

  /** Work has succeeded, and took so long. */
  took(ms: number, now: number): void {
    this.#remember(ms, now);
    if (now - ms < this.#judgedAt) return;
    this.#samples.push(ms);
    if (now - this.#judgedAt >= turnMs) this.#judge(now);
  }

  /** Somebody downstream has too much to do. All who say so at about the same time count as one. */
  refused(now: number): void {
    if (now - this.#reducedAt < turnMs) return;
    this.#reduce(1 / 2, now);
    this.#begin(now);
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
