import type { Logger } from '@gopush/service';
import type { RegistryStore } from '@gopush/store';
import type { Peers } from './peers.ts';

/** How long an announcement counts, and how often it is repeated, in milliseconds. */
const leaseMs = 3_000;
const renewMs = 1_000;

/**
 * Announces this push-server to the others on the bus, and learns which others should send beats there.
 *
 * @param registry - has push-servers on the bus only
 * @param node - its name on the bus
 * @returns withdraws the announcement
 */
export function meetPeers(registry: RegistryStore, node: string, peers: Peers, log: Logger): () => Promise<void> {
  let closed = false;
  let last = Promise.resolve();
  const announce = (): void => {
    last = last.then(async () => {
      if (closed) return;
      const entry = { id: node, tier: 'push-server', host: '', port: 0, weight: 0, load: 0, state: 'ready' } as const;
      await registry.announce(entry, leaseMs).catch((error: unknown) => {
        log.debug({ err: error }, 'this push-server could not be announced to the others; it will retry');
      });
    });
  };
  announce();
  const timer = setInterval(announce, renewMs).unref();
  const stop = registry.watch((nodes) => peers.expect(nodes.map(({ id }) => id).filter((id) => id !== node)));
  return async () => {
    closed = true;
    clearInterval(timer);
    stop();
    await last;
    await registry.withdraw(node).catch(() => {});
  };
}
