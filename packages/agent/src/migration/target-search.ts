import type { Member, Product } from '../route/fleet.ts';
import { Abandonment } from './abandonment.ts';
import type { PolicyChoices } from './policy-choices.ts';
import type { TargetLine } from './target-line.ts';
import { TurnAtTarget } from './turn-at-target.ts';

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
  readonly isPaced: boolean;
  /** Why the search is over; `undefined`: it is not. */
  over(): Cause | undefined;
  /** The targets that may serve it now. */
  members(): Promise<readonly Member[]>;
  /** Which of these are asked next. */
  readonly choices: Pick<PolicyChoices, 'first' | 'second'>;
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

/** One attempt gets half of the time that is left, and at least this long, in milliseconds. */
const attemptMs = 1_000;

/** Context that the searches of all sessions share. */
export interface SearchShared {
  readonly lineOf: (member: Member) => TargetLine;
  /** When a target of a product took a session last, in time of `performance.now()`. */
  tookAt(product: Product): number;
  /** Resolves when the agent may give another session to a target; `undefined`: that is now. */
  passRateLimit(): Promise<void> | undefined;
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
  #isPaced: boolean;
  #outcome: FoundTarget<Taken> | Cause | undefined;
  #isEnded = false;
  #onOver = (): void => {};
  readonly #whenOver = new Promise<void>((resolve) => {
    this.#onOver = resolve;
  });

  constructor(session: SearchingSession<Taken, Cause>, times: SearchTimes, shared: SearchShared) {
    this.#session = session;
    this.#times = times;
    this.#shared = shared;
    this.#isPaced = session.isPaced;
    this.#tried = new Set([session.from]);
  }

  async run(): Promise<FoundTarget<Taken> | Cause | 'held too long'> {
    const { product } = this.#session;
    for (let pauseMs: number = firstPauseMs; ; pauseMs = this.#shared.pauseAfter(pauseMs)) {
      await this.#askAll(await this.#session.members());
      const over = this.#outcome ?? this.#session.over() ?? (this.#leftMs <= 0 ? 'held too long' : undefined);
      if (over !== undefined) return this.#end(over);
      // All have been asked; a target that is starting needs a moment.
      await this.#shared.sleep(product, Math.min(pauseMs, Math.max(this.#leftMs, 1)), this.#whenOver);
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

  /** How long a target that is asked now may take to respond: if it hangs, others can still be asked again. */
  get #timeoutMs(): number {
    const left = Math.max(this.#leftMs, 1);
    return Math.min(this.#times.responseMs, Math.max(left / 2, Math.min(left, attemptMs)));
  }

  get #isOver(): boolean {
    return this.#outcome !== undefined || this.#leftMs <= 0 || this.#session.over() !== undefined;
  }

  #end<T>(over: T): T {
    this.#isEnded = true;
    this.#onOver();
    this.#abandoned.abort();
    return over;
  }

  async #askAll(members: readonly Member[]): Promise<void> {
    while (!this.#isOver) {
      const first = this.#session.choices.first(members, this.#tried);
      if (first === undefined) return;
      const member = await this.#waitForTurn(first, members);
      if (member === undefined) continue;
      const line = this.#shared.lineOf(member);
      if (this.#isOver) {
        line.leave();
        return;
      }
      await this.#askOrLater(member, line);
    }
  }

  /** @returns the target whose turn it is; `undefined`: none */
  async #waitForTurn(first: Member, members: readonly Member[]): Promise<Member | undefined> {
    const turn = new TurnAtTarget({
      first,
      second: () => this.#session.choices.second(first, members, this.#tried),
      lineOf: this.#shared.lineOf,
      tried: this.#tried,
      over: this.#whenOver,
    });
    const member = await turn.find();
    if (member === undefined) return undefined;
    this.#tried.add(member);
    if (this.#isPaced) this.#isPaced = false;
    else await this.#shared.passRateLimit();
    return member;
  }

  /** Asks a target. Resolves when it has responded, or has not for so long that the next one is to be asked as well. */
  #askOrLater(member: Member, line: TargetLine): Promise<void> {
    const since = performance.now();
    return new Promise((resolve, reject) => {
      let isWaiting = true;
      const end = (): void => {
        isWaiting = false;
        clearTimeout(timer);
        resolve();
      };
      const onLate = (): void => {
        if (isWaiting) line.suspect(since);
        end();
      };
      // If this process had no CPU, the response may be here, and is read before the immediate.
      const onTime = (): void => void setImmediate(onLate);
      const timer = setTimeout(onTime, Math.min(Math.max(this.#times.holdMs / 8, hedges.leastMs), hedges.mostMs));
      this.#ask(member, line, since).then(end, reject);
      void this.#whenOver.then(end);
    });
  }

  async #ask(member: Member, line: TargetLine, since: number): Promise<void> {
    this.#asked.add(member);
    const outcome = await this.#session.ask(member, this.#timeoutMs, this.#abandoned).catch((error: unknown) => {
      line.leave();
      throw error;
    });
    this.#asked.delete(member);
    if (this.#isEnded || this.#outcome !== undefined) {
      // An attempt that was abandoned is no failure of the target.
      line.leave();
      if (typeof outcome === 'object' && 'taken' in outcome) this.#session.release(outcome.taken);
      return;
    }
    if (typeof outcome === 'string') {
      line.failed(outcome, since);
      return;
    }
    if ('noTarget' in outcome) {
      line.leave();
      this.#outcome = outcome.noTarget;
    } else {
      const settled = once((hasContinued: boolean) => {
        if (hasContinued) line.took(performance.now() - since);
        else line.leave();
      });
      this.#outcome = { taken: outcome.taken, member, settled };
    }
    this.#onOver();
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
