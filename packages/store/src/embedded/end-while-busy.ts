import { isMainThread } from 'node:worker_threads';
import * as lmdb from 'lmdb';

const busy = new Set<() => boolean>();

/**
 * Ends this process by SIGKILL where it ends while the database has work under way, whatever ends it: `process.exit`, an error that nobody caught,
 * a signal's handler. The database, and Node as well, wait then for the database's thread, and that one waits for the event loop, which is over: the
 * process would never end, and would keep the lock by which all processes write. What was not committed is lost, and nobody was told that it was kept.
 *
 * @param isBusy - whether work is under way
 * @returns stops it
 */
export function endWhileBusy(isBusy: () => boolean): () => void {
  // In a worker thread it would end the others of its process as well, and they do not hang.
  if (!isMainThread) return () => {};
  // The first of all listeners, so that none that throws keeps it from running.
  if (busy.size === 0) process.prependListener('exit', endAtOnce);
  busy.add(isBusy);
  return () => {
    busy.delete(isBusy);
    if (busy.size === 0) process.off('exit', endAtOnce);
  };
}

function endAtOnce(code: number): void {
  if (![...busy].some((isBusy) => isBusy())) return;
  const { nativeAddon } = lmdb as unknown as { readonly nativeAddon?: { readonly onExit?: unknown } };
  // The others write what is left of logs and files; that of the database itself is the one that waits.
  for (const listener of process.listeners('exit')) {
    if (listener === endAtOnce || listener === nativeAddon?.onExit) continue;
    try {
      listener.call(process, code);
    } catch {
      // The process ends here in any case.
    }
  }
  process.kill(process.pid, 'SIGKILL');
}
