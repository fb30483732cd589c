import type { Member } from '../route/fleet.ts';
import type { AgentContext } from '../serve/agent-context.ts';

/** The `/state` of an agent. */
export function describeAgent(context: AgentContext): object {
  const { node, fleet, hold, limits, tunnels, handOff, noHandOff, config } = context;
  const now = performance.now();
  const { slowStartMs } = fleet.health;
  return {
    node,
    connections: limits.connections.open,
    tunnels: tunnels.size,
    handedOff: handOff?.clients.size ?? 0,
    handOff:
      handOff === undefined
        ? { state: 'off', reason: noHandOff }
        : { state: 'on', notHandedOff: Object.fromEntries(handOff.notHandedOff) },
    held: { clients: hold.waiting, bytes: hold.bytes },
    limits: config.limits,
    products: [...fleet.products.values()].map((product) => {
      const weightOf = (member: Member): number => member.weight(now, slowStartMs);
      const current = new Set(product.current);
      const weights = product.current.reduce((sum, member) => sum + weightOf(member), 0);
      const picks = [...product.members.values()].reduce((sum, member) => sum + member.picks, 0);
      return {
        product: product.name,
        ...product.policy,
        targets: [...product.members.values()].map((member) => ({
          target: member.target.name,
          ...stateOf(member, current.has(member), now),
          weight: member.target.weight,
          tunnels: member.tunnels,
          requests: member.requests,
          shareOfRing: current.has(member) ? share(weightOf(member), weights) : 0,
          shareOfTraffic: share(member.picks, picks),
        })),
      };
    }),
  };
}

/** The state of a target, and why. */
export function stateOf(member: Member, isCurrent: boolean, now: number): { state: string; why?: string } {
  if (!isCurrent) return { state: 'left', why: 'the router no longer names it' };
  if (member.isEjected(now)) {
    return { state: 'ejected', why: `${member.lastFailure}; for ${Math.ceil(member.ejectedUntil - now)} ms more` };
  }
  if (member.drainsUntil > now) return { state: 'draining', why: 'it says that it is being drained' };
  if (member.notReady !== undefined) return { state: 'not ready', why: member.notReady };
  if (member.failures > 0) return { state: 'failing', why: `${member.failures} in a row: ${member.lastFailure}` };
  return { state: member.risesSince > 0 ? 'rising' : 'up' };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1_000) / 1_000;
}
