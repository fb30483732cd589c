import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late this process does what is due. */
export interface EventLoopDelay {
  /** Longest delay of the last whole second, in milliseconds. */
  lastMs(): number;
  close(): void;
}

/** Between two samples, in milliseconds: what a loop without delay shows as well. */
const resolutionMs = 20;

/** Measures the delay of the event loop, second by second. */
export function watchEventLoop(): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let last = 0;
  const turn = setInterval(() => {
    // A percentile of these fifty samples would miss, or not, one long block.
    last = Math.max(0, histogram.max / 1e6 - resolutionMs);
    histogram.reset();
  }, 1_000).unref();
  return {
    lastMs: () => last,
    close() {
      clearInterval(turn);
      histogram.disable();
    },
  };
}
