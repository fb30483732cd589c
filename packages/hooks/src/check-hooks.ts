import { bundleHook, evaluateHook, withCompiler } from './compile-hook.ts';
import { findHookFiles } from './find-hook-files.ts';
import { HookError } from './hook-error.ts';
import type { HookExports, HookSource } from './load-hooks.ts';

/** Findings about one hook, without starting anything. */
export interface CheckedHook<Name extends string = string> {
  readonly name: Name;
  /** Absent: there is no such file. */
  readonly file?: string;
  /** Why it cannot be used; absent: it can. */
  readonly problem?: string;
  /** Why it is useless although it can be loaded; absent: no such reason is known. */
  readonly doubt?: string;
  /** The files it is made of, with those that it imports; absent: it could not be read. */
  readonly inputs?: readonly string[];
}

/** Called before each hook file is loaded: the file may block or end the process. */
export type OnLoad = (name: string, file: string) => void;

/**
 * Loads each hook file by itself and reports what is wrong with it. If two files could be meant, only that is reported.
 *
 * @param doubtOf - returns why hooks that can be loaded are useless. @defaultValue never
 */
export function checkHookFiles<Name extends string, Value>(
  source: HookSource<Name, Value>,
  onLoad: OnLoad = () => {},
  doubtOf: (value: Value, name: Name) => string | undefined = () => undefined,
): Promise<readonly CheckedHook<Name>[]> {
  return withCompiler(() => checkEach(source, onLoad, doubtOf));
}

async function checkEach<Name extends string, Value>(
  { location, names, make }: HookSource<Name, Value>,
  onLoad: OnLoad,
  doubtOf: (value: Value, name: Name) => string | undefined,
): Promise<readonly CheckedHook<Name>[]> {
  let files: ReadonlyMap<Name, string>;
  try {
    ({ files } = await findHookFiles(location, names));
  } catch (error) {
    if (!(error instanceof HookError)) throw error;
    return [{ name: error.hook as Name, file: error.file, problem: error.message }];
  }
  const checked: CheckedHook<Name>[] = [];
  // One after another, so that the one that hangs is known.
  for (const name of names) {
    const file = files.get(name);
    if (file === undefined) {
      checked.push({ name });
      continue;
    }
    try {
      const bundle = await bundleHook(name, file);
      onLoad(name, file);
      const { inputs } = bundle;
      const doubt = doubtOf(
        make({ [name]: evaluateHook(bundle) } as HookExports<Name>, () => file),
        name,
      );
      checked.push({ name, file, inputs, ...(doubt === undefined ? {} : { doubt: `${file}: ${doubt}` }) });
    } catch (error) {
      if (!(error instanceof HookError)) throw error;
      checked.push({ name, file, problem: error.message });
    }
  }
  return checked;
}
