import type { AddressInfo } from 'node:net';
import type { Config } from '@gopush/contract';
import { ListenError, type Logger, machineId } from '@gopush/service';
import type { RegisteredNode, RegistryStore } from '@gopush/store';
import { findAnnouncedHost } from './find-announced-host.ts';
import { watchForSameName } from './watch-for-same-name.ts';

/** Tells agents that this push-server is there. */
export interface Announcement {
  /**
   * It listens. Resolves when it has been announced, or cannot be now.
   *
   * @throws ListenError where agents are to discover it, and cannot know by which address they reach it
   */
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
  /** What people call it. */
  readonly name: string;
  readonly config: Config;
  /** How many clients it has. */
  readonly load: () => number;
  readonly log: Logger;
}

/** How long an announcement counts, and how often it is renewed, in milliseconds. */
const leaseMs = 3_000;
const renewMs = 1_000;

/** Opens the announcement of a push-server; nothing is said until it is ready. */
export function createAnnouncement({ registry, id, name, config, load, log }: AnnouncementOptions): Announcement {
  const { weight } = config.pushServer;
  const machine = machineId();
  let bound: AddressInfo | undefined;
  let host: string | undefined;
  let state: 'ready' | 'draining' = 'ready';
  let timer: NodeJS.Timeout | undefined;
  let last = Promise.resolve();
  let isTold = false;
  let stopComparing = (): void => {};

  const describe = (at: string, port: number): RegisteredNode => ({
    id,
    name,
    tier: 'push-server',
    host: at,
    port,
    machine,
    weight,
    load: load(),
    state,
  });

  /** One after the other, so that what is said last counts. While the store is away nobody hears; it is said again. */
  function say(): Promise<void> {
    last = last.then(async () => {
      if (bound === undefined) return;
      if (host === undefined) await findHost(bound);
      if (host === undefined) return;
      await registry.announce(describe(host, bound.port), leaseMs).catch((error: unknown) => {
        log.debug({ err: error }, 'this push-server could not be announced; it will retry');
      });
    });
    return last;
  }

  /** Finds the address to announce, or says why there is none; the name of Redis may be unknown for a while. */
  async function findHost({ address, port }: AddressInfo): Promise<unknown> {
    try {
      const found = await findAnnouncedHost(config, address);
      host = found.host;
      log.info({ ...found, port }, 'this push-server is announced to agents');
      return undefined;
    } catch (error) {
      const write = isTold ? log.debug : log.warn;
      isTold = true;
      write({ problem: (error as Error).message }, 'agents cannot discover this push-server');
      return error;
    }
  }

  return {
    async ready(address) {
      const problem = await findHost(address);
      if (problem instanceof ListenError && config.routing.discover) throw problem;
      bound = address;
      timer = setInterval(() => void say(), renewMs).unref();
      stopComparing = watchForSameName(registry, () => describe(host ?? '', address.port), log);
      if (problem === undefined) await say();
    },
    draining() {
      state = 'draining';
      return say();
    },
    async close() {
      clearInterval(timer);
      stopComparing();
      await last;
      if (host !== undefined) await registry.withdraw(id).catch(() => {});
    },
  };
}
