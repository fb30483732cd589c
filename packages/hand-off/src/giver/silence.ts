import type { ProcessUse } from '../system/process-use.ts';

/** How many seconds a taker has to respond to a new channel after it was given up: it may have continued just then. */
const secondChance = 2;

/** Factor by which a process may be silent for longer while it works, as in a long garbage collection or a synchronous calculation. */
const whileWorking = 1.5;

/**
 * How long a taker has been silent although it could have responded. A timer of this process counts the seconds, so a pause of both processes (a
 * suspended machine, Ctrl-Z in a shell) counts as one second. Time in which the taker had no CPU does not count.
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
