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

/** Told of each hook file that is about to be loaded, which may do whatever it likes. */
export type OnLoad = (name: string, file: string) => void;

/** Loads each hook file for real, by itself, and says what is wrong with it. Where two files could be meant, only that is said. */
export async function checkHookFiles<Name extends string>(
  { location, names, make }: HookSource<Name, unknown>,
  onLoad: OnLoad = () => {},
): Promise<readonly CheckedHook<Name>[]> {
  let files: ReadonlyMap<Name, string>;
  try {
    ({ files } = await findHookFiles(location, names));
  } catch (error) {
    if (!(error instanceof HookError)) throw error;
    return [{ name: error.hook as Name, file: error.file, problem: error.message }];
  }
  const checked: CheckedHook<Name>[] = [];
  // One after another, so that it is known which one does not come back.
  for (const name of names) {
    const file = files.get(name);
    if (file === undefined) {
      checked.push({ name });
      continue;
    }
    try {
      const bundle = await bundleHook(name, file);
      onLoad(name, file);
      make({ [name]: evaluateHook(bundle) } as HookExports<Name>, () => file);
      checked.push({ name, file });
    } catch (error) {
      if (!(error instanceof HookError)) throw error;
      checked.push({ name, file, problem: error.message });
    }
  }
  return checked;
}
