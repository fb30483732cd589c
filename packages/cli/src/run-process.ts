import { type Logger, onStop } from '@gopush/service';
import { sayError } from './command-error.ts';

/** The message by which our supervisor asks a process to make way for its successor. */
export const retireMessage = 'retire';

/** What a process opened. */
export interface Running {
  close(): Promise<void>;
  /** Takes up new settings and code while it runs. Absent: SIGHUP stops it. */
  reload?(): Promise<void>;
  /** Makes way for a process that takes new connections, and resolves when it has nothing left to do. Absent: it closes. */
  retire?(): Promise<void>;
}

/**
 * Runs a process to its end: starts it, says that it is ready, stops it when asked, and decides its exit code.
 *
 * @param start - opens everything; its failure ends the process with a clear line
 * @param deadlineMs - longest graceful stop, in milliseconds
 * @param hangup - what SIGHUP does; a reload is that of what was started. @defaultValue `'stop'`
 */
export async function runProcess(
  start: () => Promise<Running>,
  deadlineMs: number,
  log: Logger,
  hangup: 'stop' | 'leave' | 'reload' = 'stop',
): Promise<void> {
  let running: Running | undefined;
  // A terminal or a pipe that is gone is no reason to end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignore);
  const exit = (code: number): never => process.exit(code);
  const fail = (error: unknown): void => {
    const code = sayError('gopush', error);
    setTimeout(exit, 1_000, code).unref();
    Promise.resolve(running?.close()).then(
      () => exit(code),
      () => exit(code),
    );
  };
  process.once('uncaughtException', fail).once('unhandledRejection', fail);
  const reload = (): void => {
    running?.reload?.().catch((error: unknown) => log.error({ err: error }, 'the reload failed'));
  };
  onStop({
    deadlineMs,
    exit,
    hangup: hangup === 'reload' ? reload : hangup,
    async stop(reason) {
      log.info({ reason }, 'stopping');
      await running?.close();
    },
  });
  let started: Running;
  try {
    started = await start();
  } catch (error) {
    fail(error);
    return;
  }
  running = started;
  process.on('message', (message) => {
    if (message !== retireMessage) return;
    const { retire = started.close } = started;
    retire().then(() => exit(0), fail);
  });
  // pm2 (wait_ready) and our own supervisor wait for this word.
  process.send?.('ready');
}

function ignore(): void {}
