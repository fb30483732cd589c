import { type HandOff, openHandOff } from '../hand-off/hand-off.ts';
import { HandedClients } from '../hand-off/handed-clients.ts';
import { LocalAddresses } from '../hand-off/local-addresses.ts';
import type { HookSet } from '../hooks/hook-set.ts';
import type { Limits } from '../limits/limits.ts';
import { stopCounting } from '../limits/stop-counting.ts';
import type { HandedOffMigration } from '../migration/handed-off/handed-off-migration.ts';
import type { Observer } from '../observe/observer.ts';
import type { Fleet } from '../route/fleet.ts';
import type { Sources } from '../route/sources.ts';
import type { Opening } from './opening.ts';

/** Options of the hand-off of an agent. */
export interface AgentHandOffParts {
  readonly limits: Limits;
  readonly observer: Observer;
  readonly sessions: HandedOffMigration;
  readonly fleet: Fleet;
  readonly hooks: () => HookSet;
  readonly sources: Pick<Sources, 'targets'>;
}

/**
 * How long the channel to a target may be silent until it is given up, in milliseconds: so much less than `seamless.silentMs` that a new
 * channel could open before that is over, within these limits.
 */
const channel = { leastMs: 2_000, mostMs: 10_000, sooner: 2_000 } as const;

/** Opens the hand-off of an agent. @returns why it is off: all connections become tunnels then */
export async function openAgentHandOff(parts: AgentHandOffParts, opening: Opening): Promise<HandOff | string> {
  const { limits, observer, sessions, fleet } = parts;
  const { config, dir, node, log, opened } = opening;
  const { agent, seamless } = config;
  const { tunnelIdleMs, tunnelMaxAgeMs } = agent;
  const clients = new HandedClients({
    silentMs: seamless.silentMs,
    limits: { idleMs: tunnelIdleMs, maxAgeMs: tunnelMaxAgeMs },
    lossHandler: sessions,
    onAdopted({ uid, peer, member }) {
      member.tunnels++;
      limits.tunnels.adopt(uid);
      if (peer !== undefined) limits.connections.adopt(peer);
    },
    onLeftAlone: (info) => stopCounting(limits, info),
    onClosed(end) {
      stopCounting(limits, end.info);
      observer.tunnelClosed(end);
    },
    onTaker({ port, name, state, reason }) {
      log.debug({ port, target: name, state, reason }, 'hand-off channel of a target');
      if (state === 'open') tellStarted(port, fleet);
    },
    onFault: observer.fault,
  });
  const handOff = await openHandOff({
    config: config.handOff,
    dir,
    node,
    silentMs: channelMsOf(seamless.silentMs),
    clients,
  });
  if (typeof handOff === 'string') {
    clients.close();
    if (config.handOff.enabled) {
      // New projects have it on, also on systems that have no hand-offs.
      const level = process.platform === 'linux' ? 'warn' : 'info';
      log[level]({ why: handOff }, 'connections cannot be handed over: all become tunnels');
    }
    return handOff;
  }
  opened('hand-off', () => handOff.close());
  await wantListed(handOff, parts);
  return handOff;
}

/** A process of this machine takes hand-offs at a port: one that was killed there has a successor, which can take sessions. */
function tellStarted(port: number, { products, started }: Fleet): void {
  const here = new LocalAddresses();
  for (const { members } of products.values()) {
    for (const member of members.values()) if (member.target.port === port && here.has(member.target)) started(member);
  }
}

function channelMsOf(silentMs: number): number {
  if (silentMs === 0) return channel.mostMs;
  return Math.min(Math.max(silentMs - channel.sooner, channel.leastMs), channel.mostMs);
}

/** Connects to the targets that are known before any client comes: they may have connections whose agent has ended. */
async function wantListed(handOff: HandOff, { fleet, hooks, sources }: AgentHandOffParts): Promise<void> {
  const { products, otherProducts } = hooks();
  for (const { product, policy, from } of [...products.values(), ...(otherProducts ? [otherProducts] : [])]) {
    if (from.kind !== 'built-in' && from.kind !== 'list') continue;
    const targets = await sources.targets(from);
    fleet.product(product, policy, false).list(targets, performance.now(), fleet.health.slowStartMs);
    await handOff.want(targets);
  }
}
