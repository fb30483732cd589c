import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late this process does what is due. */
export interface EventLoopDelay {
  /** How late what was due in the last whole second was, 99th percentile, in milliseconds. */
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
    last = Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs);
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
