import { type Logger, onStop } from '@gopush/service';
import { sayError } from './command-error.ts';
import { leaveParent } from './leave-parent.ts';

/** The message by which our supervisor asks a process to make way for its successor. */
export const retireMessage = 'retire';

/** Everything that a process has opened. */
export interface Running {
  close(): Promise<void>;
  /** Takes up new settings and code while it runs. Absent: SIGHUP stops it. */
  reload?(): Promise<void>;
  /** Makes way for a process that takes new connections, and resolves when it has nothing left to do. Absent: it closes. */
  retire?(): Promise<void>;
}

/** How long closing may take after an uncaught error, in milliseconds. */
const failMs = 1_000;

/** Number of uncaught errors after which the process ends without closing anything. */
const maxErrors = 20;

/**
 * Runs a process to its end: starts it, reports that it is ready, stops it on request, and decides its exit code.
 *
 * @param start - opens everything; its failure ends the process with a clear line
 * @param deadlineMs - longest graceful stop, in milliseconds
 * @param hangup - effect of SIGHUP; a reload is that of the started thing. @defaultValue `'stop'`
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
  let errors = 0;
  const fail = (error: unknown): void => {
    const code = saySafely(error);
    errors++;
    // Errors come in groups: further ones must not end the process before everything is closed, nor delay its end for ever.
    if (errors === maxErrors) exit(code);
    if (errors > 1) return;
    process.exitCode = code;
    setTimeout(exit, failMs, code);
    Promise.resolve(running?.close()).then(
      () => exit(code),
      () => exit(code),
    );
  };
  process.on('uncaughtException', fail).on('unhandledRejection', fail);
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
      await leaveParent();
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
    retire()
      .then(leaveParent)
      .then(() => exit(0), fail);
  });
  // pm2 (wait_ready) and our own supervisor wait for this word.
  process.send?.('ready');
}

function ignore(): void {}

function exit(code: number): void {
  try {
    process.exit(code);
  } catch {
    // A listener of the exit threw, so that later ones did not run: nothing may keep the process alive now.
    process.kill(process.pid, 'SIGKILL');
  }
}

/** Whatever was thrown: it may be a value that cannot be written as text. @returns the exit code */
function saySafely(error: unknown): number {
  try {
    return sayError('gopush', error);
  } catch {
    process.stderr.write('gopush: a value was thrown that cannot be converted to text\n');
    return 1;
  }
}
