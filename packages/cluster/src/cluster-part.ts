import type { Logger } from '@gopush/service';
import type { Store } from '@gopush/store';
import { Announcer, type AnnouncerOptions } from './announce/announcer.ts';
import { createLookRoutes } from './look/look-routes.ts';
import { type ClusterRoutes, createClusterRoutes, none } from './serve/cluster-routes.ts';
import { ClusterView } from './view/cluster-view.ts';

/** What the part of a node in the cluster view is made of. */
export interface ClusterOptions extends Omit<AnnouncerOptions, 'store' | 'log'> {
  /** Setting `admin.cluster`. */
  readonly isOn: boolean;
  /** Setting `pushServer.isolateProducts`. */
  readonly isolateProducts: boolean;
  readonly log: Logger;
}

/** The part of a node in the cluster view: it tells of itself, and shows all. */
export interface ClusterPart extends ClusterRoutes {
  /** Begins to tell of this node, with a store that stays open until this is closed. */
  join(store: Store): void;
  /** Tells of this node at once, since its state has changed. */
  changed(): void;
  /** Tells that it ends by plan. */
  leave(): Promise<void>;
}

/** Creates the part of a node; it does nothing until it joins. */
export function createClusterPart({ isOn, isolateProducts, ...options }: ClusterOptions): ClusterPart {
  let announcer: Announcer | undefined;
  let shown: { readonly store: Store; readonly view: ClusterView } | undefined;
  const { routes, close } = createClusterRoutes(() => shown?.view);
  return {
    routes: { ...routes, ...createLookRoutes({ shown: () => shown, isolateProducts, none }) },
    close,
    join(store) {
      if (!isOn) return;
      announcer = new Announcer({ ...options, store });
      shown = { store, view: new ClusterView({ store, id: announcer.id, name: options.name }) };
    },
    changed: () => announcer?.announce(),
    async leave() {
      await announcer?.close();
      announcer = undefined;
    },
  };
}
