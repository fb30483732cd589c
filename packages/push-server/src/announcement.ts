import type { AddressInfo } from 'node:net';
import type { Config } from '@gopush/contract';
import { type Logger, machineId } from '@gopush/service';
import type { RegistryStore } from '@gopush/store';

/** Tells agents that this push-server is there. */
export interface Announcement {
  /** It listens. Resolves when it has been said, or cannot be. */
  ready(address: AddressInfo): Promise<void>;
  /** It wants no new clients. */
  draining(): Promise<void>;
  /** It is gone. */
  close(): Promise<void>;
}

/** What an announcement needs. */
export interface AnnouncementOptions {
  readonly registry: RegistryStore;
  /** Unique among all push-servers. */
  readonly id: string;
  readonly config: Config['pushServer'];
  /** How many clients it has. */
  readonly load: () => number;
  readonly log: Logger;
}

/** How long an announcement counts, and how often it is renewed, in milliseconds. */
const leaseMs = 3_000;
const renewMs = 1_000;

/** Opens the announcement of a push-server; nothing is said until it is ready. */
export function createAnnouncement({ registry, id, config, load, log }: AnnouncementOptions): Announcement {
  const host = config.announceHost ?? config.host;
  const machine = machineId();
  let port: number | undefined;
  let state: 'ready' | 'draining' = 'ready';
  let timer: NodeJS.Timeout | undefined;
  let last = Promise.resolve();

  /** One after the other, so that what is said last counts. While the store is away nobody hears; it is said again. */
  function say(): Promise<void> {
    const { weight } = config;
    last = last.then(async () => {
      if (port === undefined) return;
      const node = { id, tier: 'push-server', host, port, machine, weight, load: load(), state };
      await registry.announce(node, leaseMs).catch((error: unknown) => {
        log.debug({ err: error }, 'this push-server could not be announced; it is said again');
      });
    });
    return last;
  }

  return {
    ready(address) {
      if (isWildcard(host)) {
        log.info(
          'agents cannot discover this push-server: pushServer.announceHost says under which address they reach it',
        );
        return last;
      }
      port = address.port;
      timer = setInterval(() => void say(), renewMs).unref();
      return say();
    },
    draining() {
      state = 'draining';
      return say();
    },
    async close() {
      clearInterval(timer);
      await last;
      if (port !== undefined) await registry.withdraw(id).catch(() => {});
    },
  };
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
