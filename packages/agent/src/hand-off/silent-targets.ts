import type { Target } from '@gopush/contract';
import type { Member } from '../route/fleet.ts';
import type { Handed } from './handed-client.ts';

/** Decides about targets that are silent for too long. */
export interface SilentTargetsEvents {
  /** Whether another target can take the sessions of one. @param isSilent - whether a target is silent as well */
  isAnotherUp(member: Member, isSilent: (target: Target) => boolean): Promise<boolean>;
  /**
   * A target is given up.
   *
   * @param killed - how many of its connections can continue, since it was killed; for them the same events follow as for any target that dies
   */
  onGivenUp(member: Member, killed: number): void;
  /** A connection is given up. */
  onLost(handed: Handed): void;
  /** One of these calls, or a connection, has thrown. All others still run. */
  onFault(error: unknown): void;
}

/** Interval between checks for silent targets, and longest time that a killed process may take to end, in milliseconds. */
const lookMs = 1_000;
const dyingMs = 5_000;

/** Connections of one process. */
interface Waiting {
  /** An object that stands for the process. */
  readonly taker: object;
  readonly member: Member;
  readonly connections: Set<Handed>;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Connections whose target is alive but has sent nothing for some seconds, for example because it is stopped or blocked. No other target can serve
 * them as long as it may resume: if it does, it keeps them. After some time they are better served by another target. So if one is up, the silent
 * one is killed: it can then write nothing more. If it cannot be killed, its connections are given up.
 *
 * A process that was paused together with this one, or that gets no CPU, does not count as silent: {@link Handed.isTakerSilentFor} leaves that time
 * out.
 */
export class SilentTargets {
  readonly #silentMs: number;
  readonly #events: SilentTargetsEvents;
  /** By the object that stands for the process. */
  readonly #waiting = new Map<object, Waiting>();

  /** @param silentMs - how long they may be silent in all; 0: no limit */
  constructor(silentMs: number, events: SilentTargetsEvents) {
    this.#silentMs = silentMs;
    this.#events = events;
  }

  add(handed: Handed): void {
    let waiting = this.#waiting.get(handed.taker);
    if (waiting === undefined) {
      waiting = { taker: handed.taker, member: handed.user.member, connections: new Set(), timer: undefined };
      this.#waiting.set(handed.taker, waiting);
      if (this.#silentMs > 0) this.#lookLater(waiting);
    }
    waiting.connections.add(handed);
  }

  /** The fate of a connection is known: its target responds again, or is dead. */
  remove(handed: Handed): void {
    const waiting = this.#waiting.get(handed.taker);
    if (waiting?.connections.delete(handed) !== true || waiting.connections.size > 0) return;
    this.#waiting.delete(handed.taker);
    clearTimeout(waiting.timer);
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #lookLater(waiting: Waiting): void {
    waiting.timer = setTimeout(() => {
      this.#look(waiting).catch((error: unknown) => {
        this.#events.onFault(error);
        // It may succeed the next time.
        if (this.#isWaiting(waiting)) this.#lookLater(waiting);
      });
    }, lookMs);
  }

  #isWaiting(waiting: Waiting): boolean {
    return this.#waiting.get(waiting.taker) === waiting;
  }

  async #look(waiting: Waiting): Promise<void> {
    const { member } = waiting;
    // One stands for all: they have the same process.
    const [one] = waiting.connections as Iterable<Handed>;
    const isSure = one?.isTakerSilentFor(this.#silentMs) === true;
    const isAnotherUp = isSure && (await this.#events.isAnotherUp(member, ({ name }) => this.#isSilent(name)));
    // It may have been heard, or have ended, meanwhile.
    if (!this.#isWaiting(waiting)) return;
    if (isAnotherUp) this.#giveUp(waiting);
    else this.#lookLater(waiting);
  }

  #isSilent(name: string): boolean {
    for (const { member } of this.#waiting.values()) if (member.target.name === name) return true;
    return false;
  }

  #giveUp(waiting: Waiting): void {
    const { member, connections } = waiting;
    const killed = [...connections].filter((handed) => handed.killTaker());
    this.#events.onGivenUp(member, killed.length);
    const isKilled = new Set(killed);
    for (const handed of [...connections]) if (!isKilled.has(handed)) this.#lose(handed);
    if (connections.size === 0) return;
    waiting.timer = setTimeout(() => {
      for (const handed of [...connections]) this.#lose(handed);
    }, dyingMs);
  }

  #lose(handed: Handed): void {
    this.remove(handed);
    try {
      this.#events.onLost(handed);
    } catch (error) {
      this.#events.onFault(error);
    }
  }
}
