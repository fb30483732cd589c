import type { HookName, ProductPolicy } from '@gopush/contract';
import type { HookLocation, HookSource } from '@gopush/hooks';
import { createHookSet, type HookSet } from './hook-set.ts';

const names = ['agent', 'onupgrade', 'router'] as const satisfies readonly HookName[];

/** The hook files of an agent at this place. */
export function hookSource(location: HookLocation, defaults: ProductPolicy): HookSource<HookName, HookSet> {
  // A file may export anything; createHookSet checks it.
  return { location, names, make: (exports, fileOf) => createHookSet(exports as object, fileOf, defaults) };
}
