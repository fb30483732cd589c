import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late this process does what is due. */
export interface EventLoopDelay {
  /** Longest delay of the last whole second, in milliseconds. */
  lastMs(): number;
  /** The delay that has lasted for some turns, in milliseconds: one long pause is none. */
  lastingMs(): number;
  close(): void;
}

/** Between two samples, in milliseconds: what a loop without delay shows as well. */
const resolutionMs = 20;

/** Between two readings, in milliseconds. */
const turnMs = 1_000;

/** Between two looks at how late the loop is, in milliseconds, and how many late ones of how many make a lasting delay. */
const look = { everyMs: 50, times: 5, late: 3 } as const;

/** Measures the delay of the event loop, second by second. */
export function watchEventLoop(): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let last = 0;
  let turnedAt = performance.now();
  const turn = setInterval(() => {
    const now = performance.now();
    // After a block this may run before the histogram has its sample, which resetting it would lose: its own lateness counts, too.
    last = Math.max(0, histogram.max / 1e6 - resolutionMs, now - turnedAt - turnMs);
    turnedAt = now;
    histogram.reset();
  }, turnMs).unref();
  const delays = Array<number>(look.times).fill(0);
  let lookedAt = turnedAt;
  let lasting = 0;
  const looking = setInterval(() => {
    const now = performance.now();
    delays.shift();
    delays.push(Math.max(0, now - lookedAt - look.everyMs));
    lookedAt = now;
    lasting = delays.toSorted((a, b) => b - a)[look.late - 1] ?? 0;
  }, look.everyMs).unref();
  return {
    lastMs: () => last,
    lastingMs: () => lasting,
    close() {
      clearInterval(looking);
      clearInterval(turn);
      histogram.disable();
    },
  };
}

/** At which share of the delay that a process puts up with it begins to refuse new clients, where that lasts. */
export const lastingShare = 1 / 4;
