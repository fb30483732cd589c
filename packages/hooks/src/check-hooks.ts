import { bundleHook, evaluateHook } from './compile-hook.ts';
import { findHookFiles } from './find-hook-files.ts';
import { HookError } from './hook-error.ts';
import type { HookExports, HookSource } from './load-hooks.ts';

/** What is known of one hook without starting anything. */
export interface CheckedHook<Name extends string = string> {
  readonly name: Name;
  /** Absent: there is no such file. */
  readonly file?: string;
  /** Why it cannot be used; absent: it can. */
  readonly problem?: string;
}

/** Loads each hook file for real, by itself, and says what is wrong with it. Where two files could be meant, only that is said. */
export async function checkHookFiles<Name extends string>({
  location,
  names,
  make,
}: HookSource<Name, unknown>): Promise<readonly CheckedHook<Name>[]> {
  let files: ReadonlyMap<Name, string>;
  try {
    ({ files } = await findHookFiles(location, names));
  } catch (error) {
    if (!(error instanceof HookError)) throw error;
    return [{ name: error.hook as Name, file: error.file, problem: error.message }];
  }
  return Promise.all(
    names.map(async (name): Promise<CheckedHook<Name>> => {
      const file = files.get(name);
      if (file === undefined) return { name };
      try {
        const exports = evaluateHook(await bundleHook(name, file));
        make({ [name]: exports } as HookExports<Name>, () => file);
        return { name, file };
      } catch (error) {
        if (!(error instanceof HookError)) throw error;
        return { name, file, problem: error.message };
      }
    }),
  );
}
