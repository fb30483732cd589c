import { callHook, describeThrown, HookError } from '@gopush/hooks';
import type { Logger } from '@gopush/service';
import type { Server, Socket } from 'socket.io';
import type { Push } from '../rooms/publish/push.ts';
import type { LoadedServerHook } from './read-server-hook.ts';
import type { Cleanup, ServerClient } from './server-hook.ts';

/** What `setup` of a server hook gets, and its time limit. */
export interface SetUpContext {
  readonly io: Server;
  readonly push: Push;
  readonly clientOf: (socket: Socket) => ServerClient | undefined;
  /** Longest time of `setup`, and of undoing it, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** The `setup` of a server hook, done. */
export interface SetUp {
  /** Undoes `setup` of the current hook, and runs that of the next. If that fails, runs that of the current one again. */
  change(next: LoadedServerHook, current: LoadedServerHook): Promise<void>;
  /** Undoes `setup`. */
  close(): Promise<void>;
}

/**
 * Runs `setup` of a server hook, if it has one.
 *
 * @throws HookError if it throws, takes too long, or returns something other than a function
 */
export async function setUp(first: LoadedServerHook, context: SetUpContext): Promise<SetUp> {
  const { timeoutMs, log } = context;
  /** Undoes `setup`; `'unknown'`: the hook returned no function to undo it. */
  let undo: Cleanup | 'unknown' | undefined = await run(first, context);
  let file = first.file;

  async function clean(): Promise<void> {
    const cleanup = undo;
    undo = undefined;
    if (typeof cleanup !== 'function') return;
    const outcome = await callHook(cleanup, timeoutMs);
    if (outcome.ended === 'returned') return;
    const err = 'cause' in outcome ? outcome.cause : undefined;
    log.error({ file, err }, `the setup of the server hook could not be undone: its function ${outcome.ended}`);
  }
  return {
    async change(next, current) {
      if (undo === 'unknown') {
        log.warn(
          { file: next.file },
          'setup of the server hook returned no function to undo it: an edited setup runs only at the next start',
        );
        return;
      }
      await clean();
      try {
        undo = await run(next, context);
        file = next.file;
      } catch (error) {
        undo = await run(current, context).catch((again: unknown) => {
          log.error({ err: again }, 'the last valid server hook could not be set up again');
          return undefined;
        });
        throw error;
      }
    },
    close: clean,
  };
}

async function run(
  { hook, file }: LoadedServerHook,
  { io, push, clientOf, timeoutMs }: SetUpContext,
): Promise<Cleanup | 'unknown' | undefined> {
  if (hook.setup === undefined) return undefined;
  let returned: unknown;
  const outcome = await callHook((): unknown => {
    returned = hook.setup?.(io, push, clientOf);
    return returned;
  }, timeoutMs);
  if (outcome.ended === 'returned') {
    const { value } = outcome;
    if (value === undefined) return 'unknown';
    if (typeof value === 'function') return value as Cleanup;
    throw new HookError('server', file, 'setup: wanted a function to undo it, or nothing');
  }
  if (outcome.ended === 'timeout') {
    // It may still end, and is undone then.
    Promise.resolve(returned)
      .then((late) => (typeof late === 'function' ? late() : undefined))
      .catch(() => {});
    throw new HookError('server', file, `setup: it took longer than ${timeoutMs} ms`);
  }
  const { cause } = outcome;
  throw new HookError('server', file, `setup: it ${outcome.ended}: ${describeThrown(cause)}`, {
    cause,
  });
}
