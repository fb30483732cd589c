import { unlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** The wait between two attempts, in milliseconds: enough for a process that is starting to listen. It doubles from the first to the second. */
const firstWaitMs = 150;
const longestWaitMs = 5_000;

/**
 * Connects to a Unix socket, again and again, until its file is gone. A socket that refuses twice belongs to a dead process, and is removed.
 *
 * @param stay - uses a connection; resolves when it is over
 */
export async function keepConnected(
  path: string,
  stay: (socket: Socket) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = firstWaitMs;
  let refusals = 0;
  while (!signal.aborted) {
    const outcome = await tryConnect(path);
    if (outcome === 'ENOENT') return;
    refusals = outcome === 'ECONNREFUSED' ? refusals + 1 : 0;
    if (refusals === 2) return unlink(path).catch(() => {});
    if (typeof outcome !== 'string') {
      const since = performance.now();
      await stay(outcome);
      if (performance.now() - since > longestWaitMs) waitMs = firstWaitMs;
    }
    await delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
    if (refusals === 0) waitMs = Math.min(2 * waitMs, longestWaitMs);
  }
}

/** The connection, or the code of what went wrong. */
function tryConnect(path: string): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const failed = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}
