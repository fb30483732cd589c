import { type ClusterPart, createClusterPart, type NodeFacts } from '@gopush/cluster';
import type { EventLoopDelay } from '@gopush/service';
import { openStore, type Store } from '@gopush/store';
import type { AgentContext } from '../serve/agent-context.ts';
import { describeFacts } from './agent-facts.ts';
import { createRouterFacts } from './list-routes.ts';
import type { Opening } from './opening.ts';

/** What the part of an agent in the cluster view is made of. */
export interface AgentClusterParts {
  readonly context: AgentContext;
  readonly eventLoop: EventLoopDelay;
  /** The store, if the agent has it open anyway. */
  readonly store: Store | undefined;
  /** State and addresses of the agent now. */
  readonly standing: () => Pick<NodeFacts, 'state' | 'address' | 'adminUrl'>;
}

/** Opens the part of an agent in the cluster view. It needs an admin listener, whose settings all nodes share. */
export function openAgentCluster(parts: AgentClusterParts, opening: Opening): ClusterPart {
  const { context, eventLoop, standing } = parts;
  const { config, node, log, opened } = opening;
  const isOn = config.admin?.cluster ?? false;
  const router = createRouterFacts(context);
  const cluster = createClusterPart({
    isOn,
    isolateProducts: config.pushServer.isolateProducts,
    tier: 'agent',
    name: node,
    describe: () => ({ ...describeFacts(context, eventLoop), ...standing(), router: router() }),
    pauses: context.observer.migrationCounts.pauses,
    moves: context.observer.migrationCounts.moves,
    acts: { rebalance: async () => `${await context.migration.rebalance.rebalance()} sessions migrate` },
    log,
  });
  opened('cluster view', cluster.close);
  if (!isOn) return cluster;
  if (parts.store !== undefined) cluster.join(parts.store);
  else opened('store of the cluster view', openOwnStore(cluster, opening));
  opened('summary of this agent', cluster.leave);
  return cluster;
}

/**
 * Opens the store for the cluster view alone. Clients are served meanwhile, and without it.
 *
 * @returns closes it
 */
function openOwnStore(cluster: ClusterPart, { config, dir, log }: Opening): () => Promise<void> {
  let isClosed = false;
  const opening = openStore(config, dir).then(
    (store) => {
      if (!isClosed) cluster.join(store);
      return store;
    },
    (error: unknown) => {
      log.warn({ err: error }, 'the store cannot be opened: the cluster view does not show this agent');
      return undefined;
    },
  );
  return async () => {
    isClosed = true;
    await (await opening)?.close();
  };
}
