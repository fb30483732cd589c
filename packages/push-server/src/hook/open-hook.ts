import { type Config, type KeysOf, kindOf, refuseUnknownKeys } from '@gopush/contract';
import { type HookLocation, loadHooks, type WatchedHooks, watchHooks } from '@gopush/hooks';
import type { Logger } from '@gopush/service';
import { hookSource, type LoadedServerHook, readServerHook } from './read-server-hook.ts';
import type { ServerHook } from './server-hook.ts';
import { type SetUp, type SetUpContext, setUp } from './set-up.ts';

/** The server hook of a running push-server. */
export interface OpenHook {
  /** The current hook. */
  current(): LoadedServerHook;
  /**
   * Runs `setup` of the hook, and watches its file from now on.
   *
   * @throws HookError if `setup` fails
   */
  start(context: Omit<SetUpContext, 'log' | 'timeoutMs'>): Promise<void>;
  /** Stops watching the file, and undoes `setup`. */
  close(): Promise<void>;
}

const locationKeys: KeysOf<HookLocation> = { dir: true, environment: true };

/**
 * Opens a server hook: the hook itself, or its file.
 *
 * @throws HookError for one that cannot be used
 */
export async function openHook(
  hooks: ServerHook | HookLocation,
  { hooks: { watch, timeoutMs } }: Config,
  log: Logger,
): Promise<OpenHook> {
  if (typeof hooks !== 'object')
    throw new TypeError(`startPushServer: hooks: found ${kindOf(hooks)}, wanted an object`);
  if ('dir' in hooks) refuseUnknownKeys('startPushServer: hooks', hooks, locationKeys);
  const location = 'dir' in hooks ? hooks : undefined;
  const source = location === undefined ? undefined : hookSource(location);
  const loaded = source === undefined ? undefined : await loadHooks(source);
  const given = Object.keys(hooks).length === 0 ? undefined : hooks;
  const first = loaded?.value ?? readServerHook(given, 'hook server');
  let watched: WatchedHooks<LoadedServerHook> | undefined;
  let done: SetUp | undefined;
  return {
    current: () => watched?.current() ?? first,
    async start(context) {
      const set = await setUp(first, { ...context, timeoutMs, log });
      done = set;
      if (source === undefined || loaded === undefined || !watch) return;
      watched = watchHooks(source, loaded, { log, onChange: set.change });
    },
    async close() {
      await watched?.close();
      await done?.close();
    },
  };
}
