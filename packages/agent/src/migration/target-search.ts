import type { Upstream } from '../proxy/upgrade/request-upgrade.ts';
import type { Member, Product } from '../route/fleet.ts';
import { Pacer } from './pacer.ts';
import { Taker } from './taker.ts';

/** A target that goes on with a session. */
export interface Next {
  readonly upstream: Upstream;
  readonly member: Member;
  /** Told when its client goes on there, or does not after all. */
  readonly settled: (isGoing: boolean) => void;
}

/** What a target said to a session: it goes on with it; it is not there, or does not answer; it refuses; nobody can go on with it. */
export type Said<Cause> = Upstream | 'gone' | 'refused' | { readonly nobody: Cause };

/** A session that needs another target. */
export interface Seeking<Cause> {
  readonly product: Product;
  /** The target that it had. */
  readonly from: Member;
  /** Why it need not be looked for any more. */
  over(): Cause | undefined;
  /** The targets that may serve it now. */
  members(): Promise<readonly Member[]>;
  /** The one that it is to go to. */
  choose(members: readonly Member[], tried: ReadonlySet<Member>): Member | undefined;
  /** Asks a target. @param timeoutMs - how long it may take to answer */
  ask(member: Member, timeoutMs: number, abandoned: AbortSignal): Promise<Said<Cause>>;
}

/** Times of a search, in milliseconds. */
export interface SearchTimes {
  /** How long all attempts together may take; waiting in line for a target that takes others meanwhile does not count. */
  readonly holdMs: number;
  /** How long one target may take to answer. */
  readonly answerMs: number;
}

/** Waits between two rounds through all targets, in milliseconds: the first, and the longest while few wait. */
const pauses = { firstMs: 20, lastMs: 250 };

/** After how long without an answer the next target is asked as well, in milliseconds: an eighth of `holdMs` within these. */
const hedges = { leastMs: 250, mostMs: 1_000 };

/** Half of the time that is left is for one attempt, and so much at least, in milliseconds. */
const attemptMs = 1_000;

/** How long a session may be in lines in all, in milliseconds: longer than a client waits for its server. */
const mostInLineMs = 60_000;

/** Finds targets for sessions: at the pace of those that take them, in the order in which the sessions came. */
export class Searches<Cause extends string> {
  readonly #times: SearchTimes;
  readonly #pacer: Pacer;
  readonly #takers = new WeakMap<Member, Taker>();
  /** Searches that sleep until there may be somebody to ask. */
  readonly #sleeping = new Map<Product, Set<() => void>>();
  #count = 0;

  /** @param perSecond - how many sessions may be given to targets a second */
  constructor(times: SearchTimes, perSecond: number) {
    this.#times = times;
    this.#pacer = new Pacer(perSecond);
  }

  /** Finds the next target of a session. */
  async find(seeking: Seeking<Cause>): Promise<Next | Cause | 'held too long'> {
    this.#count++;
    try {
      return await new Search(seeking, this.#times, this).run();
    } finally {
      this.#count--;
    }
  }

  /** @internal */
  takerOf(member: Member): Taker {
    let taker = this.#takers.get(member);
    if (taker === undefined) {
      taker = new Taker(() => this.#wake(member.product));
      this.#takers.set(member, taker);
    }
    return taker;
  }

  /** @internal Resolves when it is a session's turn; `undefined`: that is now. */
  turn(): Promise<void> | undefined {
    return this.#pacer.turn();
  }

  /** @internal The wait after one of `pauseMs`: the more wait the longer, as the first one that finds a target wakes the others. */
  pauseAfter(pauseMs: number): number {
    return Math.min(pauseMs * 2, Math.max(pauses.lastMs, this.#count));
  }

  /** @internal Sleeps until a target of the product takes sessions again, until `until` resolves, or for about so long. */
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
      // Not all at once.
      const timer = setTimeout(wake, pauseMs * (0.5 + Math.random() / 2));
      all.add(wake);
      void until.then(wake);
    });
    if (all.size === 0 && this.#sleeping.get(product) === all) this.#sleeping.delete(product);
  }

  #wake(product: Product): void {
    for (const wake of [...(this.#sleeping.get(product) ?? [])]) wake();
  }

  close(): void {
    this.#pacer.close();
    for (const product of [...this.#sleeping.keys()]) this.#wake(product);
  }
}

/** The search for one session's next target. Several targets may be asked at a time: the first one that goes on has it. */
class Search<Cause extends string> {
  readonly #seeking: Seeking<Cause>;
  readonly #times: SearchTimes;
  readonly #searches: Searches<Cause>;
  readonly #abandoned = new AbortController();
  /** First the others: whoever listens at the old address now may be about to end. */
  readonly #tried: Set<Member>;
  /** Targets that have been asked, and have not answered. */
  readonly #asked = new Set<Member>();
  readonly #startedAt = performance.now();
  #inLineMs = 0;
  #found: Next | Cause | undefined;
  #onFound = (): void => {};
  readonly #whenFound = new Promise<void>((resolve) => {
    this.#onFound = resolve;
  });

  constructor(seeking: Seeking<Cause>, times: SearchTimes, searches: Searches<Cause>) {
    this.#seeking = seeking;
    this.#times = times;
    this.#searches = searches;
    this.#tried = new Set([seeking.from]);
  }

  async run(): Promise<Next | Cause | 'held too long'> {
    const { product } = this.#seeking;
    for (let pauseMs: number = pauses.firstMs; ; pauseMs = this.#searches.pauseAfter(pauseMs)) {
      await this.#askAll(await this.#seeking.members());
      const over = this.#found ?? this.#seeking.over() ?? (this.#leftMs <= 0 ? 'held too long' : undefined);
      if (over !== undefined) return this.#end(over);
      // All have been asked; whoever is to come needs a moment.
      await this.#searches.sleep(product, Math.min(pauseMs, Math.max(this.#leftMs, 1)), this.#whenFound);
      this.#tried.clear();
      for (const member of this.#asked) this.#tried.add(member);
    }
  }

  get #leftMs(): number {
    const inLineMs = Math.min(this.#inLineMs, mostInLineMs);
    return this.#startedAt + inLineMs + this.#times.holdMs - performance.now();
  }

  get #isOver(): boolean {
    return this.#found !== undefined || this.#leftMs <= 0 || this.#seeking.over() !== undefined;
  }

  #end<T>(over: T): T {
    this.#onFound();
    this.#abandoned.abort();
    return over;
  }

  async #askAll(members: readonly Member[]): Promise<void> {
    while (!this.#isOver) {
      const member = this.#seeking.choose(members, this.#tried);
      if (member === undefined) return;
      this.#tried.add(member);
      const taker = this.#searches.takerOf(member);
      if (!(await this.#wait(taker))) continue;
      if (this.#isOver) {
        taker.leave();
        return;
      }
      await this.#askOrLater(member, taker);
    }
  }

  /** Waits in line for a target. @returns whether it is this session's turn */
  async #wait(taker: Taker): Promise<boolean> {
    const since = performance.now();
    const turn = taker.turn();
    if (turn === false) return false;
    if (turn !== true) {
      const isTurn = await Promise.race([turn, this.#whenFound]);
      this.#inLineMs += performance.now() - since;
      if (isTurn === false) return false;
      if (isTurn === undefined) {
        // Another target has it: the turn goes to the next in line when it comes.
        void turn.then((is) => is && taker.leave());
        return false;
      }
    }
    const paced = this.#searches.turn();
    if (paced === undefined) return true;
    const pacedSince = performance.now();
    await paced;
    this.#inLineMs += performance.now() - pacedSince;
    return true;
  }

  /** Asks a target. Resolves when it has answered, or has not for so long that the next one is to be asked as well. */
  async #askOrLater(member: Member, taker: Taker): Promise<void> {
    const since = performance.now();
    const asking = this.#ask(member, taker, since);
    let timer: NodeJS.Timeout | undefined;
    const later = new Promise<'later'>((resolve) => {
      timer = setTimeout(resolve, Math.min(Math.max(this.#times.holdMs / 8, hedges.leastMs), hedges.mostMs), 'later');
    });
    if ((await Promise.race([asking, later, this.#whenFound])) === 'later') taker.suspect(since);
    clearTimeout(timer);
  }

  async #ask(member: Member, taker: Taker, since: number): Promise<void> {
    this.#asked.add(member);
    // So that others can be asked again if this one hangs.
    const left = Math.max(this.#leftMs, 1);
    const timeoutMs = Math.min(this.#times.answerMs, Math.max(left / 2, Math.min(left, attemptMs)));
    const said = await this.#seeking.ask(member, timeoutMs, this.#abandoned.signal);
    this.#asked.delete(member);
    if (this.#abandoned.signal.aborted || this.#found !== undefined) {
      // One that hangs says nothing of itself by being abandoned.
      taker.leave();
      if (typeof said === 'object' && 'socket' in said) said.socket.destroy();
      return;
    }
    if (typeof said === 'string') {
      taker.failed(said, since);
      return;
    }
    if ('nobody' in said) {
      taker.leave();
      this.#found = said.nobody;
    } else {
      const settled = once((isGoing: boolean) => {
        if (isGoing) taker.took(performance.now() - since);
        else taker.leave();
      });
      this.#found = { upstream: said, member, settled };
    }
    this.#onFound();
    this.#abandoned.abort();
  }
}

function once(work: (value: boolean) => void): (value: boolean) => void {
  let done = false;
  return (value) => {
    if (done) return;
    done = true;
    work(value);
  };
}
