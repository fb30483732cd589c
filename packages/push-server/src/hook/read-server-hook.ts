import { kindOf, nearest } from '@gopush/contract';
import {
  type CheckedHook,
  checkHookFiles,
  HookError,
  type HookLocation,
  type HookSource,
  type OnLoad,
} from '@gopush/hooks';
import type { ServerHook } from './server-hook.ts';

/** A server hook that was checked. */
export interface LoadedServerHook {
  readonly hook: ServerHook;
  /** Its file, for messages. */
  readonly file: string;
}

/** The functions that a server hook may have. */
const functions = ['onConnect', 'onMigrated', 'onDisconnect', 'canJoin', 'canPublish', 'onMessage', 'setup'] as const;

/** The hook file of push-servers in a folder. */
export function hookSource(location: HookLocation): HookSource<'server', LoadedServerHook> {
  return {
    location,
    names: ['server'],
    make: ({ server }, fileOf) => readServerHook(server, fileOf('server')),
  };
}

/** Loads the server hook and reports its faults. */
export async function checkServerHook(
  location: HookLocation,
  onLoad?: OnLoad,
): Promise<readonly CheckedHook<'server'>[]> {
  return checkHookFiles(hookSource(location), onLoad);
}

/**
 * Checks a server hook; `undefined` is a hook without functions.
 *
 * @throws HookError naming the file, the key, what was found and what is wanted
 */
export function readServerHook(hook: unknown, file: string): LoadedServerHook {
  if (hook === undefined) return { hook: {}, file };
  const wanted = `an object with some of ${functions.join(', ')}`;
  if (typeof hook !== 'object' || hook === null || Array.isArray(hook)) {
    throw new HookError('server', file, `found ${kindOf(hook)}, wanted ${wanted}`);
  }
  const entries = Object.entries(hook);
  // A file whose export was forgotten must not allow everything.
  if (entries.length === 0) throw new HookError('server', file, `found an empty object, wanted ${wanted}`);
  for (const [key, value] of entries) {
    if (!functions.includes(key as never)) {
      const meant = nearest(key, functions);
      throw new HookError(
        'server',
        file,
        `${key}: found an unknown function; ${meant === undefined ? `there are ${functions.join(', ')}` : `did you mean ${meant}?`}`,
      );
    }
    if (value !== undefined && typeof value !== 'function') {
      throw new HookError('server', file, `${key}: found ${kindOf(value)}, wanted a function`);
    }
  }
  return { hook: hook as ServerHook, file };
}
