import { dirname } from 'node:path';
import { bundleHook, evaluateHook, type HookBundle, withCompiler } from './compile-hook.ts';
import { findHookFiles, type HookLocation } from './find-hook-files.ts';

/** Exports of hook files by the name of the hook; hooks without a file are absent. */
export type HookExports<Name extends string> = { readonly [N in Name]?: unknown };

/** Which hooks to load, from where, and how to use them. */
export interface HookSource<Name extends string, Value> {
  readonly location: HookLocation;
  /** In the order in which messages name them. */
  readonly names: readonly Name[];
  /**
   * Checks the exports and creates a value from them. Called again only when one of the files changed.
   *
   * @param fileOf - returns the file of a hook, for messages
   * @throws HookError if an export cannot be used
   */
  readonly make: (exports: HookExports<Name>, fileOf: (hook: Name) => string) => Value;
}

/** Loaded hooks, with everything needed to load them again. */
export interface LoadedHooks<Name extends string, Value> {
  readonly value: Value;
  /** Folders in which a change may change the hooks. */
  readonly folders: ReadonlySet<string>;
  readonly modules: ReadonlyMap<Name, HookModule>;
}

/** One hook file, loaded. */
interface HookModule {
  readonly bundle: HookBundle;
  readonly exports: unknown;
}

/**
 * Finds, compiles and checks hook files. An unchanged file keeps its loaded module, and so the state of this module; if all are as they were, the
 * value is the same one.
 *
 * @throws HookError for the first file that cannot be used
 */
export async function loadHooks<Name extends string, Value>(
  { location, names, make }: HookSource<Name, Value>,
  previous?: LoadedHooks<Name, Value>,
): Promise<LoadedHooks<Name, Value>> {
  const { folder, files } = await findHookFiles(location, names);
  const modules =
    files.size === 0 ? new Map<Name, HookModule>() : await withCompiler(() => loadModules(files, previous?.modules));
  const inputs = [...modules.values()].flatMap((module) => module.bundle.inputs);
  const folders = new Set([folder, ...inputs.map((input) => dirname(input))]);
  if (previous !== undefined && listChanges(previous.modules, modules).length === 0) {
    return { value: previous.value, folders, modules };
  }
  const exports = Object.fromEntries([...modules].map(([hook, module]) => [hook, module.exports]));
  const fileOf = (hook: Name): string => files.get(hook) ?? `${folder}/${hook}.*`;
  return { value: make(exports as HookExports<Name>, fileOf), folders, modules };
}

async function loadModules<Name extends string>(
  files: ReadonlyMap<Name, string>,
  previous: ReadonlyMap<Name, HookModule> | undefined,
): Promise<ReadonlyMap<Name, HookModule>> {
  const modules = new Map<Name, HookModule>();
  for (const [hook, file] of files) {
    const bundle = await bundleHook(hook, file);
    const old = previous?.get(hook);
    modules.set(
      hook,
      old !== undefined && isSame(old.bundle, bundle) ? old : { bundle, exports: evaluateHook(bundle) },
    );
  }
  return modules;
}

/** The hooks that are new, other than before, or gone. */
export function listChanges<Name extends string>(
  before: ReadonlyMap<Name, HookModule>,
  now: ReadonlyMap<Name, HookModule>,
): Name[] {
  return [...new Set([...now.keys(), ...before.keys()])].filter((hook) => before.get(hook) !== now.get(hook));
}

function isSame(old: HookBundle, bundle: HookBundle): boolean {
  return old.file === bundle.file && old.code === bundle.code;
}
