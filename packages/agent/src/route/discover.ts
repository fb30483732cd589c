import { createTarget, isLoopback, pushServerAudience, type Target } from '@gopush/contract';
import { machineId } from '@gopush/service';
import type { RegisteredNode, RegistryStore } from '@gopush/store';
import type { TargetList } from './sources.ts';

/** Push-servers as they announce themselves. */
export interface Discovered extends TargetList {
  close(): void;
}

/**
 * Follows the push-servers of the registry. Those that drain stay known, for the sessions they have, with no weight for new ones. While the
 * store is down, or has forgotten everything as a Redis that was started again has, those known last are asked.
 */
export async function discover(registry: RegistryStore): Promise<Discovered> {
  const machine = machineId();
  let targets: readonly Target[] = [];
  const take = (nodes: readonly RegisteredNode[]): void => {
    const found = nodes.filter((node) => isReachable(node, machine)).map(toTarget);
    // The same array as long as nothing changed: what changes every second is how much each has to do.
    if (found.length > 0 && !isSame(found, targets)) targets = found;
  };
  // Who asks first must not find none because nobody has looked yet.
  take(await registry.list().catch(() => []));
  return { current: () => targets, close: registry.watch(take) };
}

function isReachable({ tier, host, machine: theirs }: RegisteredNode, ours: string): boolean {
  return tier === 'push-server' && (!isLoopback(host) || theirs === ours);
}

function toTarget({ host, port, weight, state }: RegisteredNode): Target {
  return { ...createTarget(host, port, state === 'draining' ? 0 : weight), audience: pushServerAudience };
}

function isSame(one: readonly Target[], other: readonly Target[]): boolean {
  return (
    one.length === other.length &&
    one.every((target, index) => target.name === other[index]?.name && target.weight === other[index]?.weight)
  );
}
