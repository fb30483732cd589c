import { resolve } from 'node:path';
import type { Config, Target } from '@gopush/contract';
import { defaultFolder, type Giver, type Givers, openGivers, whyUnavailable } from '@gopush/hand-off';
import type { Awaitable } from '@gopush/hooks';
import type { HandedClient } from './handed-client.ts';
import type { HandedClients } from './handed-clients.ts';
import { LocalAddresses } from './local-addresses.ts';

/** Options of {@link openHandOff}. */
export interface HandOffOptions {
  readonly config: Config['handOff'];
  /** Folder of the project. */
  readonly dir: string;
  /** Name of this agent. */
  readonly node: string;
  readonly clients: HandedClients;
}

/** The hand-off of clients' connections to targets on this machine. */
export class HandOff {
  readonly clients: HandedClients;
  readonly #givers: Givers<HandedClient>;
  readonly #addresses = new LocalAddresses();

  constructor(givers: Givers<HandedClient>, clients: HandedClients) {
    this.clients = clients;
    this.#givers = givers;
  }

  /** The way to hand a connection to a target; `undefined` where there is none. Waits a moment where that target was just found. */
  giverTo(target: Target): Awaitable<Giver<HandedClient> | undefined> {
    if (!this.#addresses.has(target)) return undefined;
    const { port } = target;
    return this.#givers.to(port) ?? this.#givers.opening(port)?.then(() => this.#givers.to(port));
  }

  /** Connects to targets before a client comes for them, so that they can give the connections whose agent has gone. Waits a moment for those that are there. */
  async want(targets: Iterable<Target>): Promise<void> {
    const ports = new Set<number>();
    for (const target of targets) if (this.#addresses.has(target)) ports.add(target.port);
    this.#givers.want(ports);
    await Promise.all(Array.from(ports, (port) => this.#givers.opening(port)));
  }

  /** Leaves all connections to the targets that serve them. */
  close(): void {
    this.clients.close();
    this.#givers.close();
  }
}

/** @returns why no connection can be handed off; all become tunnels then */
export async function openHandOff({ config, dir, node, clients }: HandOffOptions): Promise<HandOff | string> {
  if (!config.enabled) return 'handOff.enabled is false';
  const why = await whyUnavailable();
  if (why !== undefined) return why;
  const folder = config.dir === undefined ? defaultFolder() : resolve(dir, config.dir);
  try {
    return new HandOff(await openGivers<HandedClient>({ dir: folder, name: node, events: clients }), clients);
  } catch (error) {
    return (error as Error).message;
  }
}
