import { machineId } from '@gopush/service';

/**
 * The time of an embedded store, the same for all its processes: it goes on evenly while the clock of the machine is set forward or back, so that
 * nothing expires too early and nothing is kept for too long.
 */
export interface SteadyClock {
  /** In milliseconds since 1970, as the machine's clock stood when the store was first opened since the machine started. */
  now(): number;
  /** A time of this clock as the machine's clock shows it now, for people. */
  toWall(at: number): number;
}

/** What is kept of the clock: to which start of the machine it belongs, and the time of the store at that start. */
export interface ClockAnchor {
  readonly machine: string;
  readonly startedAt: number;
}

/** Processes differ by less than this much in what they take for the machine's time, in milliseconds. */
const roundMs = 1_000;

/** The time since the machine started, in milliseconds; of one process to the next it is the same. */
const sinceStart = Number(process.hrtime.bigint()) / 1e6 - performance.now();

function uptimeMs(): number {
  return sinceStart + performance.now();
}

/**
 * The clock that was kept, or a new one.
 *
 * @param kept - what was kept, by whichever process
 * @param least - the latest time known: a new clock does not stand before it
 */
export function anchorClock(kept: ClockAnchor | undefined, least: number): ClockAnchor {
  const machine = machineId();
  // Where starts of the machine cannot be told apart, one that stands before what is known is of an earlier start.
  if (kept?.machine === machine && kept.startedAt + uptimeMs() >= least) return kept;
  return { machine, startedAt: Math.max(Date.now(), least) - uptimeMs() };
}

export function createSteadyClock({ startedAt }: ClockAnchor): SteadyClock {
  const now = (): number => Math.floor(startedAt + uptimeMs());
  return {
    now,
    toWall: (at) => at + Math.round((Date.now() - now()) / roundMs) * roundMs,
  };
}
