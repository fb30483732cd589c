import type { Worker } from 'node:cluster';

/** By which a process tells its supervisor that its event loop turns. */
const heartbeat = 'alive';

/** Between two heartbeats, in milliseconds. */
const beatMs = 1_000;

/** How much longer a process may take to its first heartbeat, as its code is loaded before, in milliseconds. */
const loadMs = 30_000;

/** Tells the supervisor again and again that this process runs. */
export function startHeartbeat(): void {
  let underWay = false;
  const beat = (): void => {
    // While the supervisor does not read, only one message is queued.
    if (underWay || !process.connected) return;
    underWay = true;
    process.send?.(heartbeat, undefined, undefined, () => {
      underWay = false;
    });
  };
  beat();
  setInterval(beat, beatMs).unref();
}

/**
 * Calls back when a process has sent no heartbeat for too long. Turns of this process's own event loop are counted rather than time: after a pause of
 * the whole machine, or of this process alone, no other process is late.
 *
 * @param hangMs - how long a process may be silent, in milliseconds; 0: for ever
 * @returns stops it
 */
export function watchHeartbeat(worker: Worker, hangMs: number, onHang: () => void): () => void {
  if (hangMs === 0) return () => {};
  let missed = -loadMs / beatMs;
  worker.on('message', (message) => {
    if (message === heartbeat) missed = 0;
  });
  const timer = setInterval(() => {
    missed++;
    if (missed * beatMs <= hangMs) return;
    clearInterval(timer);
    onHang();
  }, beatMs);
  return () => clearInterval(timer);
}
