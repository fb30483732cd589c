import { createConfig, type HookName } from '@gopush/contract';
import { bundleHook, evaluateHook } from './compile-hook.ts';
import { findHookFiles, type HookLocation, hookNames } from './find-hook-files.ts';
import { HookError } from './hook-error.ts';
import { createHookSet, policyOf } from './hook-set.ts';

/** What is known of one hook without starting anything. */
export interface CheckedHook {
  readonly name: HookName;
  /** Absent: there is no such file. */
  readonly file?: string;
  /** Why it cannot be used; absent: it can. */
  readonly problem?: string;
}

/** Settings matter for running hooks, not for checking them. */
const defaultPolicy = policyOf(createConfig());

/** Loads each hook file for real and says what is wrong with it. */
export async function checkHooks(location: HookLocation): Promise<{ readonly hooks: readonly CheckedHook[] }> {
  let files: ReadonlyMap<HookName, string>;
  try {
    ({ files } = await findHookFiles(location));
  } catch (error) {
    if (!(error instanceof HookError)) throw error;
    return { hooks: [{ name: error.hook, file: error.file, problem: error.message }] };
  }
  const hooks = await Promise.all(
    hookNames.map(async (name): Promise<CheckedHook> => {
      const file = files.get(name);
      if (file === undefined) return { name };
      try {
        const exports = evaluateHook(await bundleHook(name, file));
        createHookSet({ [name]: exports }, () => file, defaultPolicy);
        return { name, file };
      } catch (error) {
        if (!(error instanceof HookError)) throw error;
        return { name, file, problem: error.message };
      }
    }),
  );
  return { hooks };
}
