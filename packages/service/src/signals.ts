/** Why a process stops. */
export type StopReason = 'SIGTERM' | 'SIGINT' | 'shutdown message' | 'parent gone';

/** What asks a process to stop, and what it says in return. */
export interface StopOptions {
  /** Stops gracefully; called once. */
  readonly stop: (reason: StopReason) => Promise<void>;
  /** Ends the process: after the graceful stop, or at once on a second signal. */
  readonly exit: (code: number) => void;
  /** Longest graceful stop, in milliseconds; then the process ends with code 1. */
  readonly deadlineMs: number;
}

/** The message by which pm2 and our own supervisor ask a process to stop. */
export const shutdownMessage = 'shutdown';

/** Within this time a signal of the same kind is the same wish, in milliseconds: npm passes on the Ctrl-C that the terminal has sent. */
const sameSignalMs = 300;

/**
 * The one owner of a process's signals: SIGTERM, SIGINT and the `shutdown` message stop gracefully; a second signal of the
 * same kind ends at once. Of the same kind, because Ctrl-C reaches a whole group of processes, and the parent then asks
 * each again by message.
 *
 * @returns stops listening
 */
export function onStop({ stop, exit, deadlineMs }: StopOptions): () => void {
  const seen = new Map<StopReason, number>();
  let stopping = false;

  const ask = (reason: StopReason): void => {
    const now = performance.now();
    const first = seen.get(reason);
    if (first !== undefined && reason.startsWith('SIG') && now - first > sameSignalMs) {
      exit(1);
      return;
    }
    if (first === undefined) seen.set(reason, now);
    if (stopping) return;
    stopping = true;
    const deadline = setTimeout(exit, deadlineMs, 1);
    stop(reason)
      .then(
        () => exit(0),
        () => exit(1),
      )
      .finally(() => clearTimeout(deadline));
  };
  const onTerm = (): void => ask('SIGTERM');
  const onInt = (): void => ask('SIGINT');
  const onMessage = (message: unknown): void => {
    if (message === shutdownMessage) ask('shutdown message');
  };
  // Without its parent a worker would serve on, unseen and unmanaged.
  const onDisconnect = (): void => ask('parent gone');
  process.on('SIGTERM', onTerm).on('SIGINT', onInt).on('message', onMessage).on('disconnect', onDisconnect);
  return () => {
    process.off('SIGTERM', onTerm).off('SIGINT', onInt).off('message', onMessage).off('disconnect', onDisconnect);
  };
}
