import { hasTerminal, releaseTerminals, terminalStreams } from './terminal.ts';

/** Why a process stops. */
export type StopReason = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'terminal gone' | 'shutdown message' | 'parent gone';

/** How a process stops. */
export interface StopOptions {
  /** Stops gracefully; called once. */
  readonly stop: (reason: StopReason) => Promise<void>;
  /** Ends the process: after the graceful stop, or at once on a second signal. */
  readonly exit: (code: number) => void;
  /** Longest graceful stop, in milliseconds; then the process ends with code 1. */
  readonly deadlineMs: number;
  /**
   * What SIGHUP does: `stop` stops as SIGTERM does; `leave` does nothing, for a process whose parent gets the signal as well and decides;
   * a function reloads, unless the terminal is gone. @defaultValue `'stop'`
   */
  readonly hangup?: 'stop' | 'leave' | (() => void);
}

/** The message by which pm2 and our own supervisor ask a process to stop. */
export const shutdownMessage = 'shutdown';

/** Within this time, a signal of the same kind is taken for the same one, in milliseconds: npm passes on the Ctrl-C that the terminal also sent. */
const sameSignalMs = 300;

/** How long after SIGHUP to check whether the terminal is gone, in milliseconds: a shell sends it to its jobs and then ends, with the terminal. */
const hangupMs = 200;

/**
 * The one owner of a process's signals. SIGTERM, SIGINT and the `shutdown` message stop it gracefully; a second signal of the same kind ends it at
 * once. It has to be the same kind, because Ctrl-C reaches a whole group of processes, and the parent then asks each again by message.
 *
 * SIGHUP has two senders: an operator who wants a reload, and the kernel, when the terminal closes. See {@link StopOptions.hangup}.
 *
 * @returns stops listening
 */
export function onStop({ stop, exit, deadlineMs, hangup = 'stop' }: StopOptions): () => void {
  const seen = new Map<StopReason, number>();
  let stopping = false;

  const ask = (reason: StopReason): void => {
    const now = performance.now();
    const first = seen.get(reason);
    if (first !== undefined && isDeadly.has(reason) && now - first > sameSignalMs) {
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
  const onHangup = listenToHangup(hangup, ask);
  const onMessage = (message: unknown): void => {
    if (message === shutdownMessage) ask('shutdown message');
  };
  // Without its parent, a worker would keep serving, unmanaged.
  const onDisconnect = (): void => ask('parent gone');
  process.on('SIGTERM', onTerm).on('SIGINT', onInt).on('SIGHUP', onHangup);
  process.on('message', onMessage).on('disconnect', onDisconnect);
  const terminals = terminalStreams();
  process.on('exit', () => releaseTerminals(terminals));
  return () => {
    process.off('SIGTERM', onTerm).off('SIGINT', onInt).off('SIGHUP', onHangup);
    process.off('message', onMessage).off('disconnect', onDisconnect);
  };
}

/** Not SIGHUP: a closing terminal sends it more than once. */
const isDeadly: ReadonlySet<StopReason> = new Set(['SIGTERM', 'SIGINT']);

function listenToHangup(hangup: NonNullable<StopOptions['hangup']>, ask: (reason: StopReason) => void): () => void {
  if (hangup === 'leave') return () => {};
  if (hangup === 'stop') return () => ask('SIGHUP');
  let terminal = hasTerminal();
  const reliesOnTerminal = terminalStreams().length > 0;
  let deciding = false;
  const decide = (): void => {
    deciding = false;
    const isGone = terminal && !hasTerminal();
    if (isGone) terminal = false;
    if (!isGone) hangup();
    // Under nohup, the end of the terminal does not concern this process.
    else if (reliesOnTerminal) ask('terminal gone');
  };
  return () => {
    if (deciding) return;
    deciding = true;
    setTimeout(decide, hangupMs);
  };
}
