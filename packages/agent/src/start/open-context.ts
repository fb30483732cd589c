import { createStickySignatures, createTrust, openPages, type StickyKeys } from '@gopush/contract';
import type { EventLoopDelay } from '@gopush/service';
import type { HandOff } from '../hand-off/hand-off.ts';
import { createHeaderWriter } from '../headers/header-writer.ts';
import { createOriginOf } from '../headers/request-origin.ts';
import type { HookSet } from '../hooks/hook-set.ts';
import { createLimits, type Limits } from '../limits/limits.ts';
import { createSlowClients } from '../limits/slow-clients.ts';
import { stopCounting } from '../limits/stop-counting.ts';
import { openMigration } from '../migration/open-migration.ts';
import { createObserver, type Observer } from '../observe/observer.ts';
import { createTargetConnections } from '../proxy/http/target-connections.ts';
import { createReadBodies } from '../request/read-body.ts';
import { startChecks } from '../route/checks.ts';
import { createFleet } from '../route/fleet.ts';
import { createHold } from '../route/hold.ts';
import { createRecovery, type Recovery } from '../route/recovery.ts';
import { membersFor, type ResolveContext } from '../route/resolve.ts';
import { createRetryBudget } from '../route/retry-budget.ts';
import type { ServeContext } from '../route/serve-by-target.ts';
import { createSources, type TargetList } from '../route/sources.ts';
import { createSuspects } from '../route/suspects.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import { createApiCallers } from '../serve/api-callers.ts';
import { endOfTunnel } from '../tunnel/tunnel-end.ts';
import { Tunnels } from '../tunnel/tunnels.ts';
import { openAgentHandOff } from './open-agent-hand-off.ts';
import type { Opening } from './opening.ts';

/** Parts of the context that were opened before. */
interface ContextParts {
  readonly hooks: () => HookSet;
  /** The built-in push-servers. */
  readonly builtIn: TargetList;
  readonly stickyKeys: () => StickyKeys;
  readonly eventLoop: EventLoopDelay;
}

/** Opens all that serving requests needs. */
export async function openContext(parts: ContextParts, opening: Opening): Promise<AgentContext> {
  const { hooks, eventLoop } = parts;
  const { config, node, log, metrics, opened } = opening;
  const { agent, access } = config;
  const trusts = createTrust(access.trustedProxies);
  const observer = createObserver(metrics, log, config.log.requests);
  const limits = createLimits(config.limits, trusts, eventLoop);
  opened('limits', limits.close);
  const slow = createSlowClients(agent, observer.connectionFailed);
  opened('monitor of slow clients', slow.close);
  const routing = openRouting(parts, observer, opening);
  const { fleet, sources } = routing;
  const connections = createTargetConnections(agent.connectTimeoutMs, agent.targetKeepAliveMs);
  opened('connections to targets', connections.close);
  const tunnels = openTunnels(limits, observer, opening);
  const headers = createHeaderWriter({ agent: node, secrets: access.secrets, identityTtlMs: access.identityTtlMs });
  let handOff: HandOff | undefined;
  const migration = openMigration({
    config,
    fleet,
    hooks,
    sources,
    // The session stays with its product, even if an edited router sends that path to another one.
    findMembers: (request, info) => membersFor(hooks(), info, request, routing),
    headers,
    tunnels,
    connections,
    recovery: routing.recovery,
    handOff: () => handOff,
    events: observer,
    onFault: observer.fault,
    log,
  });
  opened('migration of sessions', migration.close);
  const handing = { limits, observer, sessions: migration.handed, fleet, hooks, sources };
  const handingOff = await openAgentHandOff(handing, opening);
  if (typeof handingOff !== 'string') handOff = handingOff;
  return {
    ...routing,
    config,
    node,
    log,
    hooks,
    apiCallers: createApiCallers(config.api),
    connections,
    onDraining(target) {
      fleet.leaves(target);
      connections.retire(target);
    },
    tunnels,
    handOff,
    noHandOff: typeof handingOff === 'string' ? handingOff : undefined,
    pages: openPages(access.allowedOrigins, access, process.env),
    originOf: createOriginOf(trusts),
    headers,
    limits,
    slow,
    observer,
    migration,
    readBodies: createReadBodies(config.hooks.maxBodyBytes),
  };
}

/** Opens what finds and chooses targets. */
function openRouting(
  { builtIn, stickyKeys }: ContextParts,
  observer: Observer,
  { config, log, opened }: Opening,
): ResolveContext & ServeContext & { readonly recovery: Recovery } {
  const { access, agent, routing } = config;
  const fleet = createFleet(config.health, observer.ejected);
  opened('targets', fleet.close);
  opened('health checks', startChecks(fleet));
  const recovery = createRecovery(fleet, agent.connectTimeoutMs);
  opened('probes of ejected targets', recovery.close);
  const suspects = createSuspects(fleet, recovery);
  opened('probes of targets', suspects.close);
  const hold = createHold({
    limits: config.hold,
    connectTimeoutMs: agent.connectTimeoutMs,
    isSilent: recovery.isSilent,
    onUp: fleet.found,
  });
  opened('waiting clients', () => hold.close());
  return {
    hookTimeoutMs: config.hooks.timeoutMs,
    sources: createSources({
      builtIn,
      dnsServers: routing.dnsServers,
      allows: access.allowedTargets.length === 0 ? undefined : createTrust(access.allowedTargets),
      log,
    }),
    fleet,
    recovery,
    suspects,
    hold,
    retries: createRetryBudget(routing.retryPercent),
    maxMoves: routing.maxMoves,
    signatures: createStickySignatures(stickyKeys),
    observer,
  };
}

function openTunnels(limits: Limits, observer: Observer, { config: { agent }, opened }: Opening): Tunnels {
  const tunnels = new Tunnels({
    limits: { idleMs: agent.tunnelIdleMs, maxAgeMs: agent.tunnelMaxAgeMs },
    closePerSecond: agent.closePerSecond,
    events: {
      onClosed(tunnel) {
        stopCounting(limits, tunnel.info);
        observer.tunnelClosed(endOfTunnel(tunnel));
      },
      // It counts until its target reports its end.
      onHandedOver: () => {},
      onFault: (_tunnel, error) => observer.fault(error),
    },
  });
  opened('tunnels', () => tunnels.close());
  return tunnels;
}
