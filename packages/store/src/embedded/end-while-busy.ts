import { isMainThread } from 'node:worker_threads';
import { loadedLmdb } from './lmdb.ts';

const busy = new Set<() => boolean>();

/**
 * Kills this process by SIGKILL if it exits while the database is working, whatever makes it exit: `process.exit`, an uncaught error, a signal
 * handler. Otherwise the exit would wait for the database's thread, which waits for the event loop, which has stopped: the process would never
 * end, and would hold the lock that every writer needs. Work that was not committed is lost; no caller got a success for it.
 *
 * @param isBusy - whether work is under way
 * @returns stops it
 */
export function endWhileBusy(isBusy: () => boolean): () => void {
  // In a worker thread, SIGKILL would also end the other threads, which do not hang.
  if (!isMainThread) return () => {};
  // First of all listeners: one that throws must not keep it from running.
  if (busy.size === 0) process.prependListener('exit', endAtOnce);
  busy.add(isBusy);
  return () => {
    busy.delete(isBusy);
    if (busy.size === 0) process.off('exit', endAtOnce);
  };
}

function endAtOnce(code: number): void {
  if (![...busy].some((isBusy) => isBusy())) return;
  const { nativeAddon } = (loadedLmdb() ?? {}) as { readonly nativeAddon?: { readonly onExit?: unknown } };
  // The other listeners flush logs and files. The database's own listener is the one that would wait.
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
