import type { Member, Product } from '../route/fleet.ts';
import { Abandonment } from './abandonment.ts';
import type { Taker } from './taker.ts';

/** A target that has taken a session. */
export interface FoundTarget<Taken> {
  /** The result of taking the session, such as a connection. */
  readonly taken: Taken;
  readonly member: Member;
  /** Has to be called when the client continues there, or does not after all. */
  readonly settled: (hasContinued: boolean) => void;
}

/**
 * Outcome of asking a target to take a session: it took it; `gone`: it could not be reached, or did not respond; `refused`: it refused; `noTarget`:
 * no target can take this session.
 */
export type TakeOutcome<Taken, Cause> = { readonly taken: Taken } | 'gone' | 'refused' | { readonly noTarget: Cause };

/** A session that needs another target. The session itself asks targets to take it. */
export interface SearchingSession<Taken, Cause> {
  readonly product: Product;
  /** The target that it had. */
  readonly from: Member;
  /** Whether it has already passed the agent's rate limit. */
  readonly hasTurn: boolean;
  /** Why the search is over; `undefined`: it is not. */
  over(): Cause | undefined;
  /** The targets that may serve it now. */
  members(): Promise<readonly Member[]>;
  /** Chooses the next one to ask. */
  choose(members: readonly Member[], tried: ReadonlySet<Member>): Member | undefined;
  /** Chooses one to ask instead if `next`, which was chosen, has many sessions to take. */
  chooseInstead(next: Member, members: readonly Member[], tried: ReadonlySet<Member>): Member | undefined;
  /** Asks a target. @param timeoutMs - how long it may take to respond */
  ask(member: Member, timeoutMs: number, abandoned: Abandonment): Promise<TakeOutcome<Taken, Cause>>;
  /** Releases the session at a target that took it too late. */
  release(taken: Taken): void;
}

/** Times of a search, in milliseconds. */
export interface SearchTimes {
  /** How long it may take while no target takes any session. */
  readonly holdMs: number;
  /** How long it may take in all: as long as clients wait for a sign of life. */
  readonly patienceMs: number;
  /** How long one target may take to respond. */
  readonly responseMs: number;
}

/** First wait between two rounds through all targets, in milliseconds. */
const firstPauseMs = 20;

/** After how long without a response the next target is asked as well, in milliseconds: an eighth of `holdMs`, within these limits. */
const hedges = { leastMs: 250, mostMs: 1_000 };

/**
 * A session goes where its product's policy sends it, unless that target has this many sessions more to take than another one: after a crash all
 * clients wait, so that the last one waits as short as possible.
 */
const mostAhead = 8;

/**
 * Beyond that number, the other one gets at most this multiple of the clients of the one that the policy chooses. Sessions do not return when a
 * push-server has started again: if one that is quicker took most of them in each crash, it would soon have all, and the next crash would be its own.
 */
const mostShare = 1.25;

/** One attempt gets half of the time that is left, and at least this long, in milliseconds. */
const attemptMs = 1_000;

/** Context that the searches of all sessions share. */
export interface SearchShared {
  takerOf(member: Member): Taker;
  /** When a target of a product took a session last, in time of `performance.now()`. */
  tookAt(product: Product): number;
  /** Resolves when the agent may give another session to a target; `undefined`: that is now. */
  turn(): Promise<void> | undefined;
  /** The wait after one of `pauseMs`: longer when many sessions wait, since the first one that finds a target wakes the others. */
  pauseAfter(pauseMs: number): number;
  /** Sleeps until a target of the product takes sessions again, until `until` resolves, or for about `pauseMs`. */
  sleep(product: Product, pauseMs: number, until: Promise<void>): Promise<void>;
}

/** The search for one session's next target. Several targets may be asked at a time: the first one that takes the session has it. */
export class TargetSearch<Taken, Cause extends string> {
  readonly #session: SearchingSession<Taken, Cause>;
  readonly #times: SearchTimes;
  readonly #shared: SearchShared;
  readonly #abandoned = new Abandonment();
  /** Starts with the old target, so that all others are asked first: a process that listens at the old address may be about to end. */
  readonly #tried: Set<Member>;
  /** Targets that have been asked, and have not responded. */
  readonly #asked = new Set<Member>();
  readonly #startedAt = performance.now();
  #hasTurn: boolean;
  #found: FoundTarget<Taken> | Cause | undefined;
  #isEnded = false;
  #onFound = (): void => {};
  readonly #whenFound = new Promise<void>((resolve) => {
    this.#onFound = resolve;
  });

  constructor(session: SearchingSession<Taken, Cause>, times: SearchTimes, shared: SearchShared) {
    this.#session = session;
    this.#times = times;
    this.#shared = shared;
    this.#hasTurn = session.hasTurn;
    this.#tried = new Set([session.from]);
  }

  async run(): Promise<FoundTarget<Taken> | Cause | 'held too long'> {
    const { product } = this.#session;
    for (let pauseMs: number = firstPauseMs; ; pauseMs = this.#shared.pauseAfter(pauseMs)) {
      await this.#askAll(await this.#session.members());
      const over = this.#found ?? this.#session.over() ?? (this.#leftMs <= 0 ? 'held too long' : undefined);
      if (over !== undefined) return this.#end(over);
      // All have been asked; a target that is starting needs a moment.
      await this.#shared.sleep(product, Math.min(pauseMs, Math.max(this.#leftMs, 1)), this.#whenFound);
      this.#tried.clear();
      for (const member of this.#asked) this.#tried.add(member);
    }
  }

  /** A client is not given up because many wait before it: as long as targets take sessions, its turn will come. */
  get #leftMs(): number {
    const { holdMs, patienceMs } = this.#times;
    const heldSince = Math.max(this.#startedAt, this.#shared.tookAt(this.#session.product));
    return Math.min(heldSince + holdMs, this.#startedAt + Math.max(holdMs, patienceMs)) - performance.now();
  }

  get #isOver(): boolean {
    return this.#found !== undefined || this.#leftMs <= 0 || this.#session.over() !== undefined;
  }

  #end<T>(over: T): T {
    this.#isEnded = true;
    this.#onFound();
    this.#abandoned.abort();
    return over;
  }

  async #askAll(members: readonly Member[]): Promise<void> {
    while (!this.#isOver) {
      const next = this.#session.choose(members, this.#tried);
      if (next === undefined) return;
      const member = await this.#wait(next, this.#whereToWait(next, members));
      if (member === undefined) continue;
      const taker = this.#shared.takerOf(member);
      if (this.#isOver) {
        taker.leave();
        return;
      }
      await this.#askOrLater(member, taker);
    }
  }

  /** The targets in whose lines a session waits, the one that it should have first. */
  #whereToWait(next: Member, members: readonly Member[]): readonly Member[] {
    const { load } = this.#shared.takerOf(next);
    if (load < mostAhead) return [next];
    const other = this.#session.chooseInstead(next, members, this.#tried);
    if (other === undefined || !this.#mayHave(other, next)) return [next];
    return this.#shared.takerOf(other).load + mostAhead <= load ? [other, next] : [next, other];
  }

  /** Whether a target may have a session instead of the one that the policy chooses. */
  #mayHave(other: Member, next: Member): boolean {
    const clientsOf = (member: Member): number => member.tunnels + this.#shared.takerOf(member).underWay;
    return clientsOf(other) <= clientsOf(next) * mostShare + mostAhead;
  }

  /** Waits in line for targets. @returns where it is this session's turn first; `undefined`: nowhere */
  async #wait(next: Member, members: readonly Member[]): Promise<Member | undefined> {
    const member = await this.#turnAtOne(next, members);
    if (member === undefined) return undefined;
    this.#tried.add(member);
    if (this.#hasTurn) this.#hasTurn = false;
    else await this.#shared.turn();
    return member;
  }

  #turnAtOne(next: Member, members: readonly Member[]): Promise<Member | undefined> | Member | undefined {
    const turns = new Map<Member, Promise<boolean>>();
    for (const member of members) {
      const turn = this.#shared.takerOf(member).turn();
      if (turn === true) {
        this.#quit(turns);
        return member;
      }
      if (turn === false) this.#tried.add(member);
      else turns.set(member, turn);
    }
    return turns.size === 0 ? undefined : this.#firstTurn(next, turns);
  }

  async #firstTurn(next: Member, turns: Map<Member, Promise<boolean>>): Promise<Member | undefined> {
    const comes = [...turns].map(async ([member, turn]) => {
      const isTurn = await turn;
      if (isTurn && (member === next || !turns.has(next) || this.#mayHave(member, next))) return member;
      turns.delete(member);
      if (isTurn) this.#shared.takerOf(member).leave();
      else this.#tried.add(member);
      throw new Error('the target takes none now');
    });
    const first = await Promise.race([Promise.any(comes), this.#whenFound]).catch(() => undefined);
    // Another target has the session, or its turn at another one: these turns go to the next in line.
    if (first !== undefined) turns.delete(first);
    this.#quit(turns);
    return first as Member | undefined;
  }

  #quit(turns: ReadonlyMap<Member, Promise<boolean>>): void {
    for (const [member, turn] of turns) this.#shared.takerOf(member).quit(turn);
  }

  /** Asks a target. Resolves when it has responded, or has not for so long that the next one is to be asked as well. */
  async #askOrLater(member: Member, taker: Taker): Promise<void> {
    const since = performance.now();
    const asking = this.#ask(member, taker, since);
    let timer: NodeJS.Timeout | undefined;
    const later = new Promise<'later'>((resolve) => {
      // If this process had no CPU, the response may be here, and is read before the immediate.
      const onTime = (): void => void setImmediate(resolve, 'later');
      timer = setTimeout(onTime, Math.min(Math.max(this.#times.holdMs / 8, hedges.leastMs), hedges.mostMs));
    });
    if ((await Promise.race([asking, later, this.#whenFound])) === 'later') taker.suspect(since);
    clearTimeout(timer);
  }

  async #ask(member: Member, taker: Taker, since: number): Promise<void> {
    this.#asked.add(member);
    // So that others can be asked again if this one hangs.
    const left = Math.max(this.#leftMs, 1);
    const timeoutMs = Math.min(this.#times.responseMs, Math.max(left / 2, Math.min(left, attemptMs)));
    const outcome = await this.#session.ask(member, timeoutMs, this.#abandoned).catch((error: unknown) => {
      taker.leave();
      throw error;
    });
    this.#asked.delete(member);
    if (this.#isEnded || this.#found !== undefined) {
      // An attempt that was abandoned is no failure of the target.
      taker.leave();
      if (typeof outcome === 'object' && 'taken' in outcome) this.#session.release(outcome.taken);
      return;
    }
    if (typeof outcome === 'string') {
      taker.failed(outcome, since);
      return;
    }
    if ('noTarget' in outcome) {
      taker.leave();
      this.#found = outcome.noTarget;
    } else {
      const settled = once((hasContinued: boolean) => {
        if (hasContinued) taker.took(performance.now() - since);
        else taker.leave();
      });
      this.#found = { taken: outcome.taken, member, settled };
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
