import { type Config, createTarget, pushServerAudience, type Target } from '@gopush/contract';
import type { Store } from '@gopush/store';
import { discover } from '../route/discover.ts';
import type { TargetList } from '../route/sources.ts';
import type { Opening } from './opening.ts';

/** The push-servers of the settings, or those that announce themselves. */
export async function openBuiltInTargets(
  store: Store | undefined,
  { config, log, opened }: Opening,
): Promise<TargetList> {
  if (!config.routing.discover || store === undefined) {
    const targets = listPushServers(config);
    return { current: () => targets };
  }
  const discovered = await discover(store.registry, log);
  opened('discovery', discovered.close);
  return discovered;
}

/** The push-servers that gopush runs on this machine. */
function listPushServers({ pushServer, serverPortStart, serverWorkers }: Config): Target[] {
  return Array.from({ length: serverWorkers }, (_, index) => ({
    ...createTarget(pushServer.host, serverPortStart + index),
    audience: pushServerAudience,
  }));
}
