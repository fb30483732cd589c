import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late this process does what is due. */
export interface EventLoopDelay {
  /** Longest delay of the last whole second, in milliseconds. */
  lastMs(): number;
  close(): void;
}

/** Between two samples, in milliseconds: what a loop without delay shows as well. */
const resolutionMs = 20;

/** Between two readings, in milliseconds. */
const turnMs = 1_000;

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
  return {
    lastMs: () => last,
    close() {
      clearInterval(turn);
      histogram.disable();
    },
  };
}
