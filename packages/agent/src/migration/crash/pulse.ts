import type { Target } from '@gopush/contract';
import type { TargetConnection } from '../../proxy/http/target-connections.ts';
import type { Tunnel } from '../../tunnel/tunnel.ts';

/**
 * Why a silent target is given up: its machine cannot be reached; it has left its list; it has been silent for too long; or it had the clients
 * themselves, and was killed for it.
 */
export type SilentCause = 'unreachable' | 'left' | 'silent' | 'killed';

/** Between two beats, in milliseconds. */
export const beatMs = 1_000;

/** A target that was heard within this time can take sessions, in milliseconds. */
export const freshMs = 3 * beatMs;

/** How long a target whose machine cannot be reached, or that has left its list, may be silent, in milliseconds. */
const shortMs = 3_000;

/** How many attempts in a row to reach its machine have to fail. */
const unreachedTimes = 2;

/** After how long a silent target is doubted that can neither be probed, since its protocol is unknown, nor owes a response, in milliseconds. */
const doubtMs = 5_000;

/** How many of a target's tunnels are probed at a time: one may be stuck for reasons of its own. */
const probedTunnels = 3;

/** The signs of life of one target. Times are those of `performance.now()`. */
export class Pulse {
  readonly target: Target;
  /** Open tunnels, and connections with a request on them; collected again with each beat. */
  tunnels: Tunnel[] = [];
  requests: TargetConnection[] = [];
  /** Whether anything has come from it since the beat before. */
  wasHeard = false;
  /** Bytes that clients have sent to it. */
  bytesSent = 0;
  /** Whether it is being examined. */
  isBusy = false;
  #heardAt: number;
  /** `bytesSent` when it was last heard. */
  #sentWhenHeard = 0;
  /** Whether it was probed since it was last heard. */
  #isProbed = false;
  /** How many attempts to reach its machine have failed since then. */
  #unreached = 0;

  constructor(target: Target, now: number) {
    this.target = target;
    this.#heardAt = now;
  }

  /** Prepares collecting. */
  beginBeat(): void {
    this.tunnels = [];
    this.requests = [];
    this.bytesSent = 0;
  }

  /** Something has come from it. */
  heard(now: number): void {
    this.wasHeard = false;
    this.#heardAt = now;
    this.#sentWhenHeard = this.bytesSent;
    this.#isProbed = false;
    this.#unreached = 0;
  }

  /** This process stood still: bytes that came meanwhile have not been read yet. */
  forgive(now: number): void {
    this.#heardAt = now;
  }

  /** How long it has been silent, in milliseconds. */
  silentMs(now: number): number {
    return now - this.#heardAt;
  }

  /** Whether it was heard lately. */
  isFresh(now: number): boolean {
    return this.silentMs(now) <= freshMs;
  }

  /** Whether an attempt to reach its machine has failed since it was last heard. */
  get isUnreached(): boolean {
    return this.#unreached > 0;
  }

  /** An attempt to reach its machine is over. @param isReached - `undefined`: it is not known */
  tried(isReached: boolean | undefined): void {
    if (isReached === false) this.#unreached++;
    else if (isReached) this.#unreached = 0;
  }

  /** Probes it on some of its tunnels, others each time. */
  probe(): void {
    const { tunnels } = this;
    const start = Math.floor(Math.random() * tunnels.length);
    let count = 0;
    for (let index = 0; index < tunnels.length && count < probedTunnels; index++) {
      if (tunnels[(start + index) % tunnels.length]?.migration?.probe() === true) count++;
    }
    if (count > 0) this.#isProbed = true;
  }

  /** Whether it has been silent for so long that its machine has to be tried. */
  isDoubted(now: number): boolean {
    const silentMs = this.silentMs(now);
    // A request cannot be probed, and its response may take any time, so only the machine of the target is tried.
    if (this.#isProbed || this.requests.length > 0) return silentMs >= 2 * beatMs;
    return silentMs >= doubtMs && this.bytesSent !== this.#sentWhenHeard;
  }

  /**
   * Why it is to be given up; `undefined`: it is not.
   *
   * @param hasLeft - whether its list does not name it any more
   * @param mostMs - `seamless.silentMs`; 0: silence alone is no cause
   */
  cause(now: number, hasLeft: () => boolean, mostMs: number): SilentCause | undefined {
    const silentMs = this.silentMs(now);
    if (silentMs < shortMs) return undefined;
    if (this.#unreached >= unreachedTimes) return 'unreachable';
    if (!this.#isProbed) return undefined;
    if (hasLeft()) return 'left';
    return mostMs > 0 && silentMs >= mostMs ? 'silent' : undefined;
  }
}
