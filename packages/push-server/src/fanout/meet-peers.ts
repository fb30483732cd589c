import type { Logger } from '@gopush/service';
import type { RegistryStore } from '@gopush/store';
import type { Peers } from './peers.ts';

/** The tier under which push-servers tell each other that they are on the bus: agents look for another one. */
const tier = 'bus';

/** How long that counts, and how often it is said again, in milliseconds. */
const leaseMs = 3_000;
const renewMs = 1_000;

/**
 * Tells other push-servers that this one is on the bus, and who else should be heard there.
 *
 * @param node - its name on the bus
 * @returns says that it is gone
 */
export function meetPeers(registry: RegistryStore, node: string, peers: Peers, log: Logger): () => Promise<void> {
  const prefix = `${tier}:`;
  const id = prefix + node;
  let closed = false;
  let last = Promise.resolve();
  const announce = (): void => {
    last = last.then(async () => {
      if (closed) return;
      const entry = { id, tier, host: '', port: 0, weight: 0, load: 0, state: 'ready' } as const;
      await registry.announce(entry, leaseMs).catch((error: unknown) => {
        log.debug({ err: error }, 'this push-server could not be announced to others; it is said again');
      });
    });
  };
  announce();
  const timer = setInterval(announce, renewMs).unref();
  const stop = registry.watch((nodes) => {
    const others = nodes.filter((one) => one.tier === tier && one.id !== id && one.id.startsWith(prefix));
    peers.expect(others.map((one) => one.id.slice(prefix.length)));
  });
  return async () => {
    closed = true;
    clearInterval(timer);
    stop();
    await last;
    await registry.withdraw(id).catch(() => {});
  };
}
