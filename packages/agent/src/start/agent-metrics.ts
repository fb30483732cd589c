import type { EventLoopDelay, Metrics } from '@gopush/service';
import type { Member } from '../route/fleet.ts';
import type { AgentContext } from '../serve/agent-context.ts';

/** Metrics that are read from the state of an agent when they are scraped. */
export function describeMetrics(metrics: Metrics, context: AgentContext, eventLoop: EventLoopDelay): void {
  const { fleet, hold, limits, tunnels, handOff, observer } = context;
  const { carried } = observer;
  metrics.gauge('connections', 'Open connections of clients, tunnels included.', (set) => set(limits.connections.open));
  metrics.gauge('tunnels', 'Open tunnels.', (set) => set(tunnels.size));
  metrics.gauge(
    'handed_off',
    'Open connections that were handed over to their targets, of which this agent has a duplicate.',
    (set) => set(handOff?.clients.size ?? 0),
  );
  metrics.total('handed_off_total', 'Connections handed over to targets.', (set) =>
    set(handOff?.clients.total.handedOff ?? 0),
  );
  metrics.total(
    'adopted_total',
    'Connections whose agent had ended, and of which targets gave this agent a duplicate.',
    (set) => set(handOff?.clients.total.adopted ?? 0),
  );
  metrics.total(
    'not_handed_off_total',
    'Connections that could not be handed over to their targets and became tunnels, by cause.',
    (set) => {
      for (const [cause, count] of handOff?.notHandedOff ?? []) set(count, { cause });
    },
    ['cause'],
  );
  metrics.gauge('held', 'Clients that are queued while no target is up.', (set) => set(hold.waiting));
  metrics.gauge('held_bytes', 'Bytes of requests that are queued while no target is up.', (set) => set(hold.bytes));
  metrics.gauge('event_loop_delay_seconds', 'Longest delay of the event loop in the last second.', (set) =>
    set(eventLoop.lastMs() / 1_000),
  );
  metrics.total('tunnels_opened_total', 'Tunnels opened.', (set) => set(carried.opened));
  metrics.total(
    'tunnel_bytes_total',
    'Bytes through tunnels, by sender.',
    (set) => {
      const { client, target } = tunnels.carrying('bytes');
      set(carried.bytesFromClients + client, { from: 'client' });
      set(carried.bytesFromTargets + target, { from: 'target' });
    },
    ['from'],
  );
  metrics.total(
    'tunnel_messages_total',
    'WebSocket messages through tunnels, by sender.',
    (set) => {
      const { client, target } = tunnels.carrying('messages');
      set(carried.messagesFromClients + client, { from: 'client' });
      set(carried.messagesFromTargets + target, { from: 'target' });
    },
    ['from'],
  );
  const perTarget = (kind: 'gauge' | 'total', name: string, help: string, read: (member: Member) => number): void => {
    metrics[kind](
      name,
      help,
      (set) => {
        for (const product of fleet.products.values()) {
          for (const member of product.members.values()) {
            set(read(member), { product: product.name, target: member.target.name });
          }
        }
      },
      ['product', 'target'],
    );
  };
  const { slowStartMs } = fleet.health;
  perTarget('gauge', 'target_up', 'Whether a target gets new clients.', (member) =>
    member.weight(performance.now(), slowStartMs) > 0 ? 1 : 0,
  );
  perTarget('gauge', 'target_tunnels', 'Open tunnels to a target.', (member) => member.tunnels);
  perTarget('gauge', 'target_requests', 'Requests in flight to a target.', (member) => member.requests);
  perTarget('total', 'target_picks_total', 'How often a target was chosen.', (member) => member.picks);
}
