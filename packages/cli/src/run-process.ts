import { type Logger, onStop } from '@gopush/service';
import { sayError } from './command-error.ts';

/** What a process opened. */
export interface Running {
  close(): Promise<void>;
}

/**
 * Runs a process to its end: starts it, says that it is ready, stops it when asked, and decides its exit code.
 *
 * @param start - opens everything; its failure ends the process with a clear line
 * @param deadlineMs - longest graceful stop, in milliseconds
 */
export async function runProcess(start: () => Promise<Running>, deadlineMs: number, log: Logger): Promise<void> {
  let running: Running | undefined;
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
  onStop({
    deadlineMs,
    exit,
    async stop(reason) {
      log.info({ reason }, 'stopping');
      await running?.close();
    },
  });
  try {
    running = await start();
  } catch (error) {
    fail(error);
    return;
  }
  // pm2 (wait_ready) and our own supervisor wait for this word.
  process.send?.('ready');
}
