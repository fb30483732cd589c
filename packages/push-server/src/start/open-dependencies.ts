import { createMetrics, type Metrics } from '@gopush/service';
import { openStore, type Store } from '@gopush/store';
import { Announcement } from '../announcement/announcement.ts';
import type { Fanout } from '../fanout/bus/fanout.ts';
import { openFanout } from '../fanout/open-fanout.ts';
import { type OpenHook, openHook } from '../hook/open-hook.ts';
import { measureStore } from '../observe/measure-store.ts';
import { type Observation, openObservation } from '../observe/observation.ts';
import { describeStoreCalls } from '../observe/request-metrics.ts';
import { UnfinishedWork } from '../tasks/unfinished-work.ts';
import { openWebhooks, type Webhooks } from '../webhooks/open-webhooks.ts';
import { openInFolder } from './open-in-folder.ts';
import type { Settings } from './settings.ts';

/** What a push-server uses to serve its clients. */
export interface Dependencies {
  readonly fanout: Fanout;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly observation: Observation;
  readonly announcement: Announcement;
  readonly webhooks: Webhooks;
  readonly hook: OpenHook;
  /** Calls of the server hook that a stop waits for, including those for clients that leave because of the stop. */
  readonly unfinished: UnfinishedWork;
}

/**
 * Opens the fan-out, the store, the admin listener, the webhooks and the server hook.
 *
 * @throws FolderError for a folder that cannot be used
 * @throws HookError for a hook that cannot be used
 * @throws ListenError for an admin port that cannot be had
 */
export async function openDependencies(settings: Settings): Promise<Dependencies> {
  const { config, dir, index, node, hooks, log, lifetime } = settings;
  const inFolder = <T>(setting: string, open: () => Promise<T>): Promise<T> =>
    config.redisAdapter === null ? openInFolder(setting, open) : open();
  const fanout = await inFolder('pushServer.fanoutDir', () => openFanout(config, dir, log));
  lifetime.opened('fan-out', fanout.close);
  const metrics = createMetrics('gopush_server_');
  lifetime.opened('metrics', metrics.close);
  const opened = await inFolder('pushServer.storeDir', () => openStore(config, dir));
  const store = measureStore(opened, describeStoreCalls(metrics));
  lifetime.opened('store', store.close);
  lifetime.opened('connections to push-servers', fanout.meet(store.peers));
  const observation = await openObservation({ config, index, node, metrics, fanout, store, log }, lifetime.opened);
  const announcement = new Announcement({ registry: store.registry, id: fanout.bus.node, name: node, config, log });
  lifetime.opened('announcement', () => announcement.close());
  const webhooks = openWebhooks(config, dir, node, log);
  lifetime.opened('webhooks', webhooks.close);
  const hook = await openHook(hooks, config, log);
  lifetime.opened('server hook', hook.close);
  const unfinished = new UnfinishedWork((error) => log.error({ err: error }, 'a call of the server hook failed'));
  lifetime.opened('calls of the server hook', () => unfinished.done());
  return { fanout, metrics, store, observation, announcement, webhooks, hook, unfinished };
}
