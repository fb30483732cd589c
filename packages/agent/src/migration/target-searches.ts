import type { Member, Product } from '../route/fleet.ts';
import type { Pacer } from './pacer.ts';
import { TargetLine } from './target-line.ts';
import {
  type FoundTarget,
  type SearchingSession,
  type SearchShared,
  type SearchTimes,
  TargetSearch,
} from './target-search.ts';

/** Longest wait between two rounds through all targets while few sessions wait, in milliseconds. */
const lastPauseMs = 250;

/** Finds targets for sessions: at the pace of those that take them, in the order in which the sessions came. */
export class TargetSearches implements SearchShared {
  readonly #times: SearchTimes;
  readonly #pacer: Pacer;
  readonly #lines = new WeakMap<Member, TargetLine>();
  /** When a target of a product took a session last. */
  readonly #tookAt = new WeakMap<Product, number>();
  /** Searches that sleep until there may be a target to ask. */
  readonly #sleeping = new Map<Product, Set<() => void>>();
  #count = 0;

  /** @param pacer - limits how many sessions are given to targets in a second */
  constructor(times: SearchTimes, pacer: Pacer) {
    this.#times = times;
    this.#pacer = pacer;
  }

  /** How many sessions wait for their next target. */
  get size(): number {
    return this.#count;
  }

  /** Finds the next target of a session. */
  async find<Taken, Cause extends string>(
    session: SearchingSession<Taken, Cause>,
  ): Promise<FoundTarget<Taken> | Cause | 'held too long'> {
    this.#count++;
    try {
      return await new TargetSearch(session, this.#times, this).run();
    } finally {
      this.#count--;
    }
  }

  readonly lineOf = (member: Member): TargetLine => {
    let line = this.#lines.get(member);
    if (line === undefined) {
      line = new TargetLine({
        onUp: () => this.#wake(member.product),
        onTook: (now) => this.#tookAt.set(member.product, now),
      });
      this.#lines.set(member, line);
    }
    return line;
  };

  tookAt(product: Product): number {
    return this.#tookAt.get(product) ?? Number.NEGATIVE_INFINITY;
  }

  passRateLimit(): Promise<void> | undefined {
    return this.#pacer.turn();
  }

  pauseAfter(pauseMs: number): number {
    return Math.min(pauseMs * 2, Math.max(lastPauseMs, this.#count));
  }

  async sleep(product: Product, pauseMs: number, until: Promise<void>): Promise<void> {
    let sleeping = this.#sleeping.get(product);
    if (sleeping === undefined) {
      sleeping = new Set();
      this.#sleeping.set(product, sleeping);
    }
    const all = sleeping;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        all.delete(wake);
        resolve();
      };
      // Not all at the same time.
      const timer = setTimeout(wake, pauseMs * (0.5 + Math.random() / 2));
      all.add(wake);
      void until.then(wake);
    });
    if (all.size === 0 && this.#sleeping.get(product) === all) this.#sleeping.delete(product);
  }

  #wake(product: Product): void {
    for (const wake of [...(this.#sleeping.get(product) ?? [])]) wake();
  }

  /** Wakes all searches, which then see that they are over. */
  close(): void {
    for (const product of [...this.#sleeping.keys()]) this.#wake(product);
  }
}
