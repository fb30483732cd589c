import { machineId, uptimeMs } from '@gopush/service';

/**
 * The time of an embedded store, the same for all its processes. It is steady when the clock of the machine is set forward or back, so that
 * nothing expires too early or too late.
 */
export interface SteadyClock {
  /** In milliseconds since 1970, by the machine's clock at the first opening of the store after the machine started. */
  now(): number;
  /** Converts a time of this clock to the machine's present clock, to show it to people. */
  toWall(at: number): number;
}

/** The stored state of the clock: which start of the machine it belongs to, and the time of the store at that start. */
export interface ClockAnchor {
  readonly machine: string;
  readonly startedAt: number;
}

/** Largest difference between what two processes take for the machine's time, in milliseconds. */
const roundMs = 1_000;

/**
 * Returns the stored clock, or a new one.
 *
 * @param kept - the clock that a process has stored
 * @param least - the latest known time: a new clock does not begin before it
 */
export function anchorClock(kept: ClockAnchor | undefined, least: number): ClockAnchor {
  const machine = machineId();
  // If starts of the machine cannot be told apart, a clock that is behind the latest known time belongs to an earlier start.
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
