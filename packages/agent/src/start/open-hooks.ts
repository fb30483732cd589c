import { type Hooks, type KeysOf, refuseUnknownKeys } from '@gopush/contract';
import { findOldFile, type HookLocation, loadHooks, watchHooks } from '@gopush/hooks';
import { createHookSet, type HookSet, isAllPublic, policyOf } from '../hooks/hook-set.ts';
import { hookSource } from '../hooks/hook-source.ts';
import type { Opening } from './opening.ts';

const hookKeys: KeysOf<Hooks> = { agent: true, onupgrade: true, router: true };

const locationKeys: KeysOf<HookLocation> = { dir: true, environment: true };

/**
 * Checks and loads the hooks of an agent, and follows edits of their files.
 *
 * @returns gives the hooks as they are now
 */
export async function openHooks(
  hooks: Hooks | HookLocation,
  { config, metrics, log, opened }: Opening,
): Promise<() => HookSet> {
  const defaults = policyOf(config);
  const isPlace = typeof hooks === 'object' && 'dir' in hooks;
  refuseUnknownKeys('startAgent: hooks', hooks, isPlace ? locationKeys : hookKeys);
  if (!('dir' in hooks)) {
    const set = createHookSet(hooks, (hook) => `hook ${hook}`, defaults);
    return () => set;
  }
  const source = hookSource(hooks, defaults);
  const loaded = await loadHooks(source);
  const isPublic = isAllPublic(loaded.value);
  for (const hook of loaded.value.missing) {
    const old = await findOldFile(hooks, hook);
    if (isPublic && hook !== 'router' && old === undefined) continue;
    const advice = old === undefined ? `Create one with: gopush add hook ${hook}` : `${old} was renamed to ${hook}.js`;
    log.warn({ hook }, `there is no ${hook} hook: ${consequences[hook]}. ${advice}`);
  }
  if (!config.hooks.watch) return () => loaded.value;
  const reloads = metrics.counter('hook_reloads_total', 'Reloads of edited hooks, by result.', ['result']);
  const watched = watchHooks(source, loaded, { log, onReload: (result) => reloads.inc({ result }) });
  opened('hook watcher', watched.close);
  return watched.current;
}

const consequences = {
  agent: 'HTTP requests are refused, except those of public products',
  onupgrade: 'upgrades get their uid from the agent hook if that is a plain function, else they are refused',
  router: 'everything goes to the built-in push-servers',
} as const;
