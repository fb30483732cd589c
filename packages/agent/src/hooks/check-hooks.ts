import { createConfig, type HookName } from '@gopush/contract';
import { type CheckedHook, checkHookFiles, type HookLocation, type OnLoad } from '@gopush/hooks';
import { policyOf } from './hook-set.ts';
import { hookSource } from './hook-source.ts';

/** Settings matter for running hooks, not for checking them. */
const defaultPolicy = policyOf(createConfig());

/** Loads each hook file for real and says what is wrong with it. */
export async function checkHooks(
  location: HookLocation,
  onLoad?: OnLoad,
): Promise<{ readonly hooks: readonly CheckedHook<HookName>[] }> {
  return { hooks: await checkHookFiles(hookSource(location, defaultPolicy), onLoad) };
}
