import type { ProcessUse } from '../system/process-use.ts';

/** How many seconds a taker has to respond to a new channel after it was given up: it may have gone on just then. */
const secondChance = 2;

/** By how much longer a process may be silent that works, as in a long garbage collection or a synchronous calculation. */
const whileWorking = 1.5;

/**
 * How long a taker has been silent, in time in which it could have responded. Seconds are counted by a timer of this process, so that a
 * pause of both counts as one second (a machine that is suspended, Ctrl-Z in a shell), and time in which the taker had no CPU does not
 * count.
 */
export class Silence {
  readonly #began: ProcessUse | undefined;
  #seconds = 1;
  #secondsSinceClosed = 0;

  /** @param began - its process when it was silent for a second; `undefined`: it cannot be looked at */
  constructor(began: ProcessUse | undefined) {
    this.#began = began;
  }

  /** Another second has passed. @param isClosed - whether its channel was given up */
  tick(isClosed: boolean): void {
    this.#seconds++;
    if (isClosed) this.#secondsSinceClosed++;
  }

  /** @param now - its process */
  hasLasted(ms: number, now: ProcessUse | undefined): boolean {
    if (this.#secondsSinceClosed < secondChance) return false;
    const passedMs = this.#seconds * 1_000;
    const began = this.#began;
    if (began === undefined || now === undefined) return passedMs >= ms;
    const couldMs = passedMs - (now.waitedMs - began.waitedMs);
    const isAtWork = /[RD]/.test(now.state) || now.cpuMs - began.cpuMs >= couldMs / 2;
    return couldMs >= (isAtWork ? ms * whileWorking : ms);
  }
}
