import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HookLocation } from './find-hook-files.ts';

/** Names of hooks in gopush 0.1 and now; `undefined`: there is no such hook any more. */
export const oldHookNames: Readonly<Record<string, string | undefined>> = {
  'agent-middleware': 'agent',
  'onupgrade-middleware': 'onupgrade',
  dest: 'router',
  'admin-middleware': undefined,
  admin: undefined,
};

/** A file of a hook that is called as in gopush 0.1, and so is not read; `undefined`: there is none. */
export async function findOldFile({ dir }: HookLocation, hook: string): Promise<string | undefined> {
  for (const folder of ['hooks', 'hook']) {
    const entries = await readdir(join(dir, folder)).catch(() => undefined);
    if (entries === undefined) continue;
    const old = entries.find((entry) => oldHookNames[entry.replace(/[._].*$/, '')] === hook);
    return old === undefined ? undefined : join(dir, folder, old);
  }
  return undefined;
}
