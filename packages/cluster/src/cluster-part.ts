import type { Logger } from '@gopush/service';
import type { Store } from '@gopush/store';
import { createActRoute } from './act/act-route.ts';
import { logLevelAct } from './act/log-level-act.ts';
import { type Act, NodeActions } from './act/node-actions.ts';
import { Announcer, type AnnouncerOptions } from './announce/announcer.ts';
import { createLookRoutes } from './look/look-routes.ts';
import { type ClusterRoutes, createClusterRoutes, none } from './serve/cluster-routes.ts';
import { ClusterView } from './view/cluster-view.ts';

/** What the part of a node in the cluster view is made of. */
export interface ClusterOptions extends Omit<AnnouncerOptions, 'store' | 'log' | 'actions'> {
  /** Setting `admin.cluster`. */
  readonly isOn: boolean;
  /** Setting `pushServer.isolateProducts`. */
  readonly isolateProducts: boolean;
  /** What operators may have this node do from the page of any node, by name, besides changing the log level. */
  readonly acts: Readonly<Record<string, Act>>;
  readonly log: Logger;
}

/** The part of a node in the cluster view: it publishes summaries of this node, and shows the whole cluster. */
export interface ClusterPart extends ClusterRoutes {
  /** Begins to publish summaries of this node, with a store that stays open until this is closed. */
  join(store: Store): void;
  /** Publishes a summary at once, because the state of this node has changed. */
  changed(): void;
  /** Tells that it ends by plan. */
  leave(): Promise<void>;
}

/** Creates the part of a node; it does nothing until it joins. */
export function createClusterPart({ isOn, isolateProducts, acts, ...options }: ClusterOptions): ClusterPart {
  const { name, log } = options;
  let announcer: Announcer | undefined;
  let shown: { readonly store: Store; readonly view: ClusterView } | undefined;
  const { routes, close } = createClusterRoutes(() => shown?.view);
  return {
    routes: {
      ...routes,
      ...createLookRoutes({ shown: () => shown, isolateProducts, none }),
      ...createActRoute({ shown: () => shown, name, none, log }),
    },
    close,
    join(store) {
      if (!isOn) return;
      const actions = new NodeActions({ ...acts, 'log-level': logLevelAct(log) }, log, () => announcer?.announce());
      announcer = new Announcer({ ...options, actions, store });
      shown = { store, view: new ClusterView({ store, id: announcer.id, name }) };
    },
    changed: () => announcer?.announce(),
    async leave() {
      await announcer?.close();
      announcer = undefined;
    },
  };
}
