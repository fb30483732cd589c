import type { Awaitable } from '@gopush/hooks';
import type { Member } from '../route/fleet.ts';
import type { OnTurn, TargetLine } from './target-line.ts';

/**
 * A session goes where its product's policy sends it, unless that target has this many sessions more to take than the policy's second choice: after
 * a crash all clients wait, so that the last one waits as short as possible.
 */
const mostAhead = 8;

/**
 * Beyond that number, the second choice gets at most this multiple of the clients of the first one. Sessions do not return when a push-server has
 * started again: if one that is quicker took most of them in each crash, it would soon have all, and the next crash would be its own.
 */
const mostShare = 1.25;

/** Where a session may wait for its turn. */
export interface TurnAtTargetOptions {
  /** The target that the product's policy chooses. */
  readonly first: Member;
  /** The one that it would choose if there were no first one. */
  readonly second: () => Member | undefined;
  readonly lineOf: (member: Member) => TargetLine;
  /** Gets the targets that take no sessions now. */
  readonly tried: Set<Member>;
  /** Resolves when the session needs no turn any more. */
  readonly over: Promise<void>;
}

/** A session's wait for a target: in the line of the policy's first choice, and in that of the second one while the first one has many to take. */
export class TurnAtTarget {
  readonly #options: TurnAtTargetOptions;
  /** The lines in which it waits. */
  readonly #turns = new Map<Member, OnTurn>();
  #onEnd: ((member: Member | undefined) => void) | undefined = undefined;

  constructor(options: TurnAtTargetOptions) {
    this.#options = options;
  }

  /** @returns where it is the session's turn first, which is to be ended as {@link TargetLine.turn} says; `undefined`: nowhere */
  find(): Awaitable<Member | undefined> {
    const { lineOf, tried } = this.#options;
    for (const member of this.#whereToWait()) {
      const onTurn = (isTurn: boolean): boolean => this.#come(member, isTurn);
      const turn = lineOf(member).turn(onTurn);
      if (turn === true) {
        this.#quitAll();
        return member;
      }
      if (turn === false) tried.add(member);
      else this.#turns.set(member, onTurn);
    }
    return this.#turns.size === 0 ? undefined : this.#firstTurn();
  }

  /** The one that the session should have comes first. */
  #whereToWait(): readonly Member[] {
    const { first, second: secondChoice, lineOf } = this.#options;
    const { load } = lineOf(first);
    const second = load < mostAhead ? undefined : secondChoice();
    if (second === undefined || !this.#mayTake(second)) return [first];
    return lineOf(second).load + mostAhead <= load ? [second, first] : [first, second];
  }

  /** Whether a target may take the session: the second choice only while it has little more than its share of clients. */
  #mayTake(member: Member): boolean {
    const { first, lineOf } = this.#options;
    if (member === first) return true;
    const clientsOf = (one: Member): number => one.tunnels + lineOf(one).underWay;
    return clientsOf(member) <= clientsOf(first) * mostShare + mostAhead;
  }

  #firstTurn(): Promise<Member | undefined> {
    return new Promise((resolve) => {
      this.#onEnd = (member) => {
        this.#quitAll();
        resolve(member);
      };
      void this.#options.over.then(() => this.#onEnd?.(undefined));
    });
  }

  /** @returns whether the turn is used: clients may have come to the second choice meanwhile */
  #come(member: Member, isTurn: boolean): boolean {
    const { first, tried } = this.#options;
    this.#turns.delete(member);
    const isUsed = isTurn && (!this.#turns.has(first) || this.#mayTake(member));
    if (!isTurn) tried.add(member);
    if (isUsed || this.#turns.size === 0) this.#onEnd?.(isUsed ? member : undefined);
    return isUsed;
  }

  /** Leaves all lines in which it still waits. */
  #quitAll(): void {
    for (const [member, onTurn] of this.#turns) this.#options.lineOf(member).quit(onTurn);
    this.#turns.clear();
  }
}
