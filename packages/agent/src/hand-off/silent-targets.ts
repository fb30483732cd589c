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
   * @param killed - how many of its connections can go on, since it was killed: what becomes of them is told as of any target that dies
   */
  onGivenUp(member: Member, killed: number): void;
  /** A connection is given up. */
  onLost(handed: Handed): void;
  onFault(error: unknown): void;
}

/** When is asked again whether another target is up, and how long a process that was killed may take to end, in milliseconds. */
const againMs = 1_000;
const dyingMs = 5_000;

interface Waiting {
  readonly connections: Set<Handed>;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Connections whose target lives and has not been heard for some seconds, as one that is stopped or blocked. Nobody else can serve them as long as it may
 * go on: if it does, it keeps them. After some time they are better served by another target. So if one is up, the silent one is killed, which makes
 * sure of that it writes nothing more. Where it cannot be killed, its connections are given up.
 */
export class SilentTargets {
  readonly #waitMs: number;
  readonly #events: SilentTargetsEvents;
  readonly #waiting = new Map<string, Waiting>();

  /** @param waitMs - how long they may stay silent; 0: no limit */
  constructor(waitMs: number, events: SilentTargetsEvents) {
    this.#waitMs = waitMs;
    this.#events = events;
  }

  add(handed: Handed): void {
    const { member } = handed.user;
    const { name } = member.target;
    let waiting = this.#waiting.get(name);
    if (waiting === undefined) {
      waiting = { connections: new Set(), timer: undefined };
      this.#waiting.set(name, waiting);
      if (this.#waitMs > 0) this.#later(member, waiting, this.#waitMs);
    }
    waiting.connections.add(handed);
  }

  /** What becomes of a connection is known: its target is heard again, or dead. */
  remove(handed: Handed): void {
    const { name } = handed.user.member.target;
    const waiting = this.#waiting.get(name);
    if (waiting?.connections.delete(handed) !== true || waiting.connections.size > 0) return;
    this.#waiting.delete(name);
    clearTimeout(waiting.timer);
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #later(member: Member, waiting: Waiting, ms: number): void {
    waiting.timer = setTimeout(() => {
      this.#decide(member, waiting).catch((error: unknown) => this.#events.onFault(error));
    }, ms);
  }

  async #decide(member: Member, waiting: Waiting): Promise<void> {
    const isAnotherUp = await this.#events.isAnotherUp(member, ({ name }) => this.#waiting.has(name));
    // Each of them may have ended meanwhile.
    if (this.#waiting.get(member.target.name) !== waiting) return;
    if (!isAnotherUp) {
      this.#later(member, waiting, againMs);
      return;
    }
    const killed = [...waiting.connections].filter((handed) => handed.killTaker());
    this.#events.onGivenUp(member, killed.length);
    const isKilled = new Set(killed);
    for (const handed of [...waiting.connections]) if (!isKilled.has(handed)) this.#giveUp(handed);
    if (waiting.connections.size > 0) {
      waiting.timer = setTimeout(() => {
        for (const handed of [...waiting.connections]) this.#giveUp(handed);
      }, dyingMs);
    }
  }

  #giveUp(handed: Handed): void {
    this.remove(handed);
    this.#events.onLost(handed);
  }
}
