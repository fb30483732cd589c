import type { NodeFacts, TargetFacts } from '@gopush/cluster';
import type { EventLoopDelay } from '@gopush/service';
import type { Member } from '../route/fleet.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import { stateOf } from './agent-state.ts';

/** The facts that an agent publishes of itself for other nodes, besides its state. */
export function describeFacts(
  { fleet, hold, limits, tunnels, handOff, observer }: AgentContext,
  eventLoop: EventLoopDelay,
): Omit<NodeFacts, 'state' | 'address' | 'adminUrl'> {
  const { carried, requestCounts, migrationCounts } = observer;
  const { migrated, failedOver, fellBack } = migrationCounts;
  const open = tunnels.carrying('messages');
  return {
    loopDelayMs: eventLoop.lastMs(),
    clients: {
      connections: limits.connections.open,
      handedOff: handOff?.clients.size ?? 0,
      ownedAlone: 0,
      held: hold.waiting,
      rooms: 0,
      users: 0,
      queuedBytes: hold.bytes,
    },
    totals: {
      messages: carried.messagesFromClients - carried.handedFromClients + open.client,
      deliveries: carried.messagesFromTargets - carried.handedFromTargets + open.target,
      requests: requestCounts.requests,
      handedOff: 0,
      notKept: 0,
      gaps: 0,
    },
    migrations: { given: 0, taken: 0, migrated, failedOver, fellBack: sumOf(fellBack.values()) },
    fallbacks: fellBack,
    refusals: requestCounts.failures,
    targets: describeTargets(fleet, tunnels, handOff),
    rooms: [],
  };
}

function describeTargets(
  { products }: AgentContext['fleet'],
  tunnels: Tunnels,
  handOff: AgentContext['handOff'],
): TargetFacts[] {
  const now = performance.now();
  const handed = handedByMember(handOff);
  const open = messagesByMember(tunnels);
  const used = [...products.values()].filter(({ isUsed }) => isUsed);
  return used.flatMap((product) => {
    const current = new Set(product.current);
    const members = [...product.members.values()].filter((member) => current.has(member) || member.load > 0);
    return members.map((member) => ({
      product: product.name,
      target: member.target.name,
      ...stateOf(member, product.byFunction || current.has(member), now),
      connections: member.load,
      handedOff: handed.get(member) ?? 0,
      messages: member.messages + member.successes + (open.get(member) ?? 0),
      errors: member.errors,
      causes: member.causes,
    }));
  });
}

/** Counted each time: a session that migrates takes its connection to another target. */
function handedByMember(handOff: AgentContext['handOff']): ReadonlyMap<Member, number> {
  const counts = new Map<Member, number>();
  for (const { member } of handOff?.clients.all() ?? []) counts.set(member, (counts.get(member) ?? 0) + 1);
  return counts;
}

function messagesByMember(tunnels: Tunnels): ReadonlyMap<Member, number> {
  const sums = new Map<Member, number>();
  for (const { info, client, target } of tunnels.all()) {
    sums.set(info.member, (sums.get(info.member) ?? 0) + client.messages + target.messages);
  }
  return sums;
}

function sumOf(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
