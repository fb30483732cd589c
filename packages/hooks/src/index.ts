export { callHook, type HookOutcome } from './call-hook.ts';
export { type CheckedHook, checkHookFiles, type OnLoad } from './check-hooks.ts';
export type { HookLocation } from './find-hook-files.ts';
export { HookError } from './hook-error.ts';
export { lacksReturn } from './lacks-return.ts';
export { type HookExports, type HookSource, type LoadedHooks, loadHooks } from './load-hooks.ts';
export { findOldFile, oldHookNames } from './old-names.ts';
export { describeThrown } from './place-of.ts';
export { type WatchedHooks, watchHooks } from './watch-hooks.ts';
