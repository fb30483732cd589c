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
    // Its own lateness counts, too.
    const late = now - turnedAt - turnMs;
    turnedAt = now;
    // The timer of the histogram may come after this one, and a reset before it would lose what it has to record.
    setImmediate(() => {
      last = Math.max(0, histogram.max / 1e6 - resolutionMs, late);
      histogram.reset();
    });
  }, turnMs).unref();
  return {
    lastMs: () => last,
    close() {
      clearInterval(turn);
      histogram.disable();
    },
  };
}
