import { dirname } from 'node:path';
import type { HookName, ProductPolicy } from '@gopush/contract';
import { bundleHook, evaluateHook, type HookBundle } from './compile-hook.ts';
import { findHookFiles, type HookLocation, hookNames } from './find-hook-files.ts';
import { createHookSet, type HookSet } from './hook-set.ts';

/** Hooks as loaded from files, with what is needed to load them again. */
export interface LoadedHooks {
  readonly set: HookSet;
  /** Folders in which a change may change the hooks. */
  readonly folders: ReadonlySet<string>;
  readonly modules: ReadonlyMap<HookName, HookModule>;
}

interface HookModule {
  readonly bundle: HookBundle;
  readonly exports: unknown;
}

/**
 * Finds, compiles and checks the hook files. A file that is as it was keeps its loaded module, and so whatever that holds.
 *
 * @throws HookError for the first file that cannot be used
 */
export async function loadHooks(
  location: HookLocation,
  defaults: ProductPolicy,
  previous?: LoadedHooks,
): Promise<LoadedHooks> {
  const { folder, files } = await findHookFiles(location);
  const modules = new Map<HookName, HookModule>();
  for (const hook of hookNames) {
    const file = files.get(hook);
    if (file === undefined) continue;
    const bundle = await bundleHook(hook, file);
    const old = previous?.modules.get(hook);
    const unchanged = old !== undefined && old.bundle.file === file && old.bundle.code === bundle.code;
    modules.set(hook, unchanged ? old : { bundle, exports: evaluateHook(bundle) });
  }
  const hooks = Object.fromEntries([...modules].map(([hook, module]) => [hook, module.exports]));
  const inputs = [...modules.values()].flatMap((module) => module.bundle.inputs);
  return {
    set: createHookSet(hooks, (hook) => files.get(hook) ?? `${folder}/${hook}.*`, defaults),
    folders: new Set([folder, ...inputs.map((input) => dirname(input))]),
    modules,
  };
}
