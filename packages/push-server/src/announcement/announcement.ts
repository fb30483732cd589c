import type { AddressInfo } from 'node:net';
import { type Config, createTarget } from '@gopush/contract';
import { ListenError, type Logger, machineId } from '@gopush/service';
import type { RegisteredNode, RegistryStore } from '@gopush/store';
import { findAnnouncedHost } from './find-announced-host.ts';
import { watchForSameName } from './watch-for-same-name.ts';

/** Options of an announcement. */
export interface AnnouncementOptions {
  readonly registry: RegistryStore;
  /** Unique among all push-servers. */
  readonly id: string;
  /** Its name for people. */
  readonly name: string;
  readonly config: Config;
  readonly log: Logger;
}

/** How long an announcement counts, and how often it is renewed, in milliseconds. */
const leaseMs = 3_000;
const renewMs = 1_000;

/** Announces a push-server to agents in the registry, from when it is ready until it is closed. */
export class Announcement {
  readonly #options: AnnouncementOptions;
  readonly #machine = machineId();
  #bound: AddressInfo | undefined;
  #host: string | undefined;
  #load = (): number => 0;
  #state: 'ready' | 'draining' = 'ready';
  #timer: NodeJS.Timeout | undefined;
  /** Announcements are written one after the other, so that the last one counts. */
  #last = Promise.resolve();
  #hasWarned = false;
  #stopComparing = (): void => {};

  constructor(options: AnnouncementOptions) {
    this.#options = options;
  }

  /**
   * The push-server listens. Resolves when it has been announced, or cannot be now.
   *
   * @param load - counts its clients
   * @throws ListenError if agents are to discover it, and no address is known by which they reach it
   */
  async ready(address: AddressInfo, load: () => number): Promise<void> {
    const { registry, config, log } = this.#options;
    this.#load = load;
    const problem = await this.#findHost(address);
    if (problem instanceof ListenError && config.routing.discover) throw problem;
    this.#bound = address;
    this.#timer = setInterval(() => void this.#announce(), renewMs).unref();
    this.#stopComparing = watchForSameName(registry, () => this.#describe(this.#host ?? '', address.port), log);
    if (problem === undefined) await this.#announce();
  }

  /** Where agents reach it, as they name their targets; `undefined`: not known yet. */
  address(): string | undefined {
    if (this.#bound === undefined || this.#host === undefined) return undefined;
    return createTarget(this.#host, this.#bound.port).name;
  }

  isDraining(): boolean {
    return this.#state === 'draining';
  }

  /** The push-server takes no new clients from now on. */
  draining(): Promise<void> {
    this.#state = 'draining';
    return this.#announce();
  }

  /** The push-server is gone. */
  async close(): Promise<void> {
    const { registry, id } = this.#options;
    clearInterval(this.#timer);
    this.#stopComparing();
    await this.#last;
    if (this.#host !== undefined) await registry.withdraw(id).catch(() => {});
  }

  /** While the store is down, agents do not get the announcement; it is written again later. */
  #announce(): Promise<void> {
    const { registry, log } = this.#options;
    this.#last = this.#last.then(async () => {
      if (this.#bound === undefined) return;
      if (this.#host === undefined) await this.#findHost(this.#bound);
      if (this.#host === undefined) return;
      await registry.announce(this.#describe(this.#host, this.#bound.port), leaseMs).catch((error: unknown) => {
        log.debug({ err: error }, 'this push-server could not be announced; it will retry');
      });
    });
    return this.#last;
  }

  /** Finds the address to announce. The name of Redis may be unknown for a while. @returns why there is none */
  async #findHost({ address, port }: AddressInfo): Promise<unknown> {
    const { config, log } = this.#options;
    try {
      const found = await findAnnouncedHost(config, address);
      this.#host = found.host;
      log.info({ ...found, port }, 'this push-server is announced to agents');
      return undefined;
    } catch (error) {
      const write = this.#hasWarned ? log.debug : log.warn;
      this.#hasWarned = true;
      write({ problem: (error as Error).message }, 'agents cannot discover this push-server');
      return error;
    }
  }

  #describe(host: string, port: number): RegisteredNode {
    const { id, name, config } = this.#options;
    return {
      id,
      name,
      tier: 'push-server',
      host,
      port,
      machine: this.#machine,
      weight: config.pushServer.weight,
      load: this.#load(),
      state: this.#state,
    };
  }
}
