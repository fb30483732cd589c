import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Delay of the event loop. */
export interface EventLoopDelay {
  /** Longest delay of the last whole second, in milliseconds. */
  lastMs(): number;
  /** Forgets what was measured: a process that starts works long without a pause, and nobody waits for it yet. */
  restart(): void;
  close(): void;
}

/** Time between two samples, in milliseconds. A loop without delay shows this value. */
const resolutionMs = 20;

/** Time between two readings, in milliseconds. */
const turnMs = 1_000;

/** Measures the delay of the event loop, second by second. */
export function watchEventLoop(): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let last = 0;
  let turnedAt = performance.now();
  const look = (): void => {
    const now = performance.now();
    // The delay of this timer counts, too.
    const late = now - turnedAt - turnMs;
    turnedAt = now;
    const counted = turn;
    // The histogram's timer may run after this one: a reset before it would lose the delay that it is about to record.
    setImmediate(() => {
      if (counted !== turn) return;
      last = Math.max(0, histogram.max / 1e6 - resolutionMs, late);
      histogram.reset();
    });
  };
  let turn = setInterval(look, turnMs).unref();
  return {
    lastMs: () => last,
    restart() {
      clearInterval(turn);
      last = 0;
      turnedAt = performance.now();
      // Its next sample is measured from the one after this: the delay up to now does not come with it.
      histogram.reset();
      turn = setInterval(look, turnMs).unref();
    },
    close() {
      clearInterval(turn);
      histogram.disable();
    },
  };
}
