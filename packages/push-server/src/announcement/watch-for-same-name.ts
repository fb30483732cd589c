import type { Logger } from '@gopush/service';
import type { RegisteredNode, RegistryStore } from '@gopush/store';

/**
 * When names are first compared, and the time between comparisons, in milliseconds. By then, the announcement of a
 * process that has ended has expired.
 */
const firstMs = 5_000;
const againMs = 60_000;

/**
 * Warns once if another push-server has the same name, as on copied machines: logs and clients could not tell them apart. A process that replaces
 * another has the same address.
 *
 * @param afterMs - when names are first compared, in milliseconds
 * @returns stops it
 */
export function watchForSameName(
  registry: RegistryStore,
  own: () => RegisteredNode,
  log: Logger,
  afterMs = firstMs,
): () => void {
  let isStopped = false;
  let timer = setTimeout(look, afterMs).unref();
  function look(): void {
    registry.list().then(compare, plan);
  }
  function plan(): void {
    if (!isStopped) timer = setTimeout(look, againMs).unref();
  }
  function compare(nodes: readonly RegisteredNode[]): void {
    if (isStopped) return;
    const us = own();
    const other = nodes.find((node) => hasOurName(node, us));
    if (other === undefined) {
      plan();
      return;
    }
    const { name, host, port, machine } = other;
    log.warn(
      { name, host, port, machine },
      'another push-server has the same name as this one: set processes.machine (GOPUSH_PROCESSES_MACHINE) to a different name on each machine',
    );
  }
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

function hasOurName(node: RegisteredNode, us: RegisteredNode): boolean {
  if (node.id === us.id || node.name !== us.name || node.tier !== us.tier) return false;
  return node.machine !== us.machine || node.host !== us.host || node.port !== us.port;
}
