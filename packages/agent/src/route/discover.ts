import { createTarget, isLoopback, pushServerAudience, type Target } from '@gopush/contract';
import { type Logger, machineId } from '@gopush/service';
import type { RegisteredNode, RegistryStore } from '@gopush/store';
import { sameTargets } from './same-targets.ts';
import type { TargetList } from './sources.ts';

/** The push-servers that have announced themselves. */
export interface Discovered extends TargetList {
  close(): void;
}

/**
 * Follows the push-servers of the registry. Those that drain stay known, for the sessions they have, with weight 0 for new ones. While the store is
 * down, or has lost its data as a restarted Redis has, the last known ones stay.
 */
export async function discover(registry: RegistryStore, log: Logger): Promise<Discovered> {
  const machine = machineId();
  let targets: readonly Target[] = [];
  const warned = new Set<string>();
  const take = (nodes: readonly RegisteredNode[]): void => {
    warnOfUnreachable(nodes, machine, warned, log);
    const found = nodes.filter((node) => isReachable(node, machine)).map(toTarget);
    // The same array as long as nothing changed: only their load changes every second.
    if (found.length > 0 && !sameTargets(found, targets)) targets = found;
  };
  // The first request must not find an empty list because nothing has been read yet.
  take(await registry.list().catch(() => []));
  return { current: () => targets, close: registry.watch(take) };
}

function isReachable({ tier, host, port, machine: theirs }: RegisteredNode, ours: string): boolean {
  return tier === 'push-server' && port > 0 && hostForm.test(host) && (!isLoopback(host) || theirs === ours);
}

/** Addresses and names, as in a router: Node throws for some other texts when it connects. */
const hostForm = /^[\w.:%-]+$/;

/** Warns once for each other machine whose push-servers announce a loopback address, and so get no clients from here. */
function warnOfUnreachable(nodes: readonly RegisteredNode[], ours: string, warned: Set<string>, log: Logger): void {
  for (const node of nodes) {
    const { name, tier, host, port, machine = '' } = node;
    if (tier !== 'push-server' || isReachable(node, ours) || warned.has(machine)) continue;
    if (warned.size >= maxWarned) warned.clear();
    warned.add(machine);
    log.warn(
      { name, host, port, machine },
      'a push-server of another machine is announced with an address that only that machine can reach: on that machine set pushServer.host to an address of its network, or set pushServer.announceHost',
    );
  }
}

/** How many machines are remembered for which a warning was logged. */
const maxWarned = 1_000;

function toTarget({ host, port, weight, state }: RegisteredNode): Target {
  return { ...createTarget(host, port, state === 'draining' ? 0 : weight), audience: pushServerAudience };
}
