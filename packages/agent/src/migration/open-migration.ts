import type { Config } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HandOff } from '../hand-off/hand-off.ts';
import type { HeaderWriter } from '../headers/header-writer.ts';
import type { HookSet } from '../hooks/hook-set.ts';
import type { TargetConnections } from '../proxy/http/target-connections.ts';
import type { Fleet } from '../route/fleet.ts';
import type { Recovery } from '../route/recovery.ts';
import type { Sources } from '../route/sources.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import { Heartbeat, type HeartbeatOptions } from './crash/heartbeat.ts';
import { Failover, type FailoverEvents } from './failover.ts';
import type { FindMembers } from './find-members.ts';
import type { DirectMigrationContext } from './handed-off/direct-migration.ts';
import { HandedOffMigration } from './handed-off/handed-off-migration.ts';
import { Pacer } from './pacer.ts';
import { Rebalance } from './rebalance.ts';
import { TargetSearches } from './target-searches.ts';

/** Options of the migration of sessions. */
export interface MigrationOptions {
  readonly config: Config;
  readonly fleet: Fleet;
  readonly hooks: () => HookSet;
  readonly sources: Sources;
  readonly findMembers: FindMembers;
  readonly headers: HeaderWriter;
  readonly tunnels: Tunnels;
  readonly connections: Pick<TargetConnections, 'all' | 'onClosed' | 'retire'>;
  readonly recovery: Pick<Recovery, 'giveUp'>;
  /** `undefined`: no client is handed over. */
  readonly handOff: () => HandOff | undefined;
  readonly events: FailoverEvents & { readonly targetSilent: HeartbeatOptions['onSilent'] };
  readonly onFault: (error: unknown) => void;
  readonly log: Logger;
}

/** How an agent takes sessions from target to target. */
export interface Migration {
  /** Finds other targets for sessions whose target has given them, or is gone. */
  readonly failover: Failover;
  /** Continues sessions of clients that were handed over. */
  readonly handed: HandedOffMigration;
  /** Migrates sessions whose targets are up, but no longer theirs. */
  readonly rebalance: Rebalance;
  /** No session migrates any more. */
  close(): void;
}

/** Opens the migration of sessions (docs/protocol.md, "Seamless restart"). */
export function openMigration(options: MigrationOptions): Migration {
  const { config, tunnels, connections, recovery, events } = options;
  const { agent, seamless, health, pushServer } = config;
  const pacer = new Pacer(seamless.movesPerSecond);
  const shared = { ...options, seamless, agent, pacer };
  const times = {
    holdMs: seamless.holdMs,
    patienceMs: pushServer.pingIntervalMs + pushServer.pingTimeoutMs,
    responseMs: agent.handshakeTimeoutMs,
  };
  const searches = new TargetSearches(times, pacer);
  const failover = new Failover({ ...shared, searches, closeSoon: (tunnel) => tunnels.closeSoon(tunnel) });
  const direct: DirectMigrationContext = {
    ...options,
    seamless,
    searches,
    onMigrated: (info, from, cause, pauseMs) => events.migrated({ info }, from, cause, pauseMs),
  };
  const allTunnels = () => tunnels.all();
  const rebalance = new Rebalance({
    ...shared,
    *sessions() {
      yield* tunnels.all();
      const handOff = options.handOff();
      if (handOff !== undefined) yield* handOff.clients.all();
    },
    onListed: (targets) => options.handOff()?.want(targets),
  });
  const heartbeat = new Heartbeat({
    silentMs: seamless.silentMs,
    eject: recovery.giveUp,
    tunnels: allTunnels,
    connections,
    hasLeft: (member) => rebalance.hasLeft(member),
    onSilent: events.targetSilent,
  });
  return {
    failover,
    handed: new HandedOffMigration({
      ...options,
      failover,
      direct,
      silentMs: seamless.silentMs,
      ejectMs: health.ejectMs,
    }),
    rebalance,
    close() {
      heartbeat.close();
      rebalance.close();
      failover.close();
      pacer.close();
    },
  };
}
