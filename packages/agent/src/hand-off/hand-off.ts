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
  /** How long the channel to a target may be silent, in milliseconds. */
  readonly silentMs: number;
  readonly clients: HandedClients;
}

/**
 * Why a connection became a tunnel, although this agent hands connections over.
 *
 * - `elsewhere`: its target is on another machine, or is reached over TLS or a Unix socket
 * - `no channel`: its target takes no hand-offs, is stopping, or is not connected yet
 * - `tls`: its TLS ends at this agent
 * - `large request`: its head is too large for a record
 * - `full`, `unfit`, `bad response`: its target did not take it
 */
export type NotHandedOff = 'elsewhere' | 'no channel' | 'tls' | 'large request' | 'full' | 'unfit' | 'bad response';

/** The hand-off of clients' connections to targets on this machine. */
export class HandOff {
  readonly clients: HandedClients;
  /** How many connections could not be handed over to a target, by cause. */
  readonly notHandedOff = new Map<NotHandedOff, number>();
  readonly #givers: Givers<HandedClient>;
  readonly #addresses = new LocalAddresses();

  constructor(givers: Givers<HandedClient>, clients: HandedClients) {
    this.clients = clients;
    this.#givers = givers;
  }

  /** The way to hand a connection to a target; `undefined` if there is none. Waits a moment if that target was just found. */
  giverTo(target: Target): Awaitable<Giver<HandedClient> | undefined> {
    if (!this.#addresses.has(target)) return this.passedOver('elsewhere');
    const { host, port } = target;
    const giver = this.#givers.to(port, host);
    if (giver !== undefined) return giver;
    const opening = this.#givers.opening(port);
    if (opening === undefined) return this.passedOver('no channel');
    return opening.then(() => this.#givers.to(port, host) ?? this.passedOver('no channel'));
  }

  /** As {@link giverTo}, but only a way that is open now: counts nothing, and waits for nothing. */
  openGiverTo(target: Target): Giver<HandedClient> | undefined {
    return this.#addresses.has(target) ? this.#givers.to(target.port, target.host) : undefined;
  }

  /** Whether a target is on this machine, so that connections could be handed to it. */
  isHere(target: Target): boolean {
    return this.#addresses.has(target);
  }

  /** Whether a target at this address has taken hand-offs. */
  hasTaken(target: Target): boolean {
    return this.isHere(target) && this.clients.knownPorts.has(target.port);
  }

  /** Counts a connection that is not handed over. */
  passedOver(cause: NotHandedOff): undefined {
    this.notHandedOff.set(cause, (this.notHandedOff.get(cause) ?? 0) + 1);
  }

  /**
   * Connects to targets before a client comes for them, so that they can give the connections whose agent has gone. Waits a moment for
   * those that are there.
   */
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

/** @returns why no connection can be handed over; all become tunnels then */
export async function openHandOff({ config, dir, node, silentMs, clients }: HandOffOptions): Promise<HandOff | string> {
  if (!config.enabled) return 'handOff.enabled is false';
  const why = await whyUnavailable();
  if (why !== undefined) return why;
  const folder = config.dir === undefined ? defaultFolder() : resolve(dir, config.dir);
  try {
    return new HandOff(await openGivers<HandedClient>({ dir: folder, name: node, silentMs, events: clients }), clients);
  } catch (error) {
    return (error as Error).message;
  }
}
