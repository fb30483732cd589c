import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Config, type FailureCode, networkOf, plainAddress, type Trust } from '@gopush/contract';
import { addTo } from './add-to.ts';
import { ConnectionRates } from './connection-rates.ts';
import { createIdleConnections, type IdleConnections } from './idle-connections.ts';

/** A socket of TLS, or one without. */
interface MaybeSecured extends Socket {
  /** The connection below, which was counted when it was accepted. Node has no other name for it. */
  readonly _parent?: Socket;
}

/** How long a refused connection may take to send the request whose response has the reason, in milliseconds. */
const refusedMs = 2_000;

/** Counts the connections of clients, and decides which of them are served. */
export class ConnectionLimits {
  readonly #most: number;
  readonly #mostPerNetwork: number;
  readonly #trusts: Trust;
  readonly #rates: ConnectionRates;
  readonly #idle: IdleConnections;
  readonly #refused = new WeakMap<Socket, FailureCode>();
  /** Each is removed when it closes, which is soon; a `WeakSet` takes longer. */
  readonly #kept = new Set<Socket>();
  readonly #arrived = new WeakSet<Socket>();
  readonly #perNetwork = new Map<string, number>();
  #open = 0;

  /** @param trusts - whose connections count for all clients together, as those of proxies */
  constructor(limits: Config['limits'], trusts: Trust) {
    this.#most = limits.connections;
    this.#mostPerNetwork = limits.connectionsPerIp;
    this.#trusts = trusts;
    this.#rates = new ConnectionRates(limits);
    this.#idle = createIdleConnections((socket) => {
      const address = plainAddress(socket.remoteAddress);
      return trusts(address) ? undefined : networkOf(address);
    });
  }

  /** How many are open. */
  get open(): number {
    return this.#open;
  }

  /** Counts a connection whose client is not known yet, until it is admitted or closes. One too many is cut: no response could be sent on it. */
  arrive(socket: Socket): void {
    this.#open++;
    this.#arrived.add(socket);
    socket.once('close', () => {
      if (this.#arrived.delete(socket)) this.#open--;
    });
    if (this.#most > 0 && this.#open > this.#most) socket.destroy();
  }

  /** Counts a connection until it closes, from before any TLS handshake, and decides whether it is served. */
  admit(socket: Socket): void {
    if (this.#arrived.delete(socket)) this.#open--;
    const address = plainAddress(socket.remoteAddress);
    this.#count(address, 1);
    socket.once('close', () => {
      if (!this.#kept.delete(socket)) this.#count(address, -1);
    });
    const code = this.#judge(address);
    if (code === undefined) return;
    this.#refused.set(socket, code);
    socket.setTimeout(refusedMs, () => socket.destroy());
  }

  /** Keeps a connection counted when its socket is closed, because another socket has it now; {@link leave} ends that. */
  keep(socket: Socket): void {
    this.#kept.add(socket);
  }

  /** Counts a connection of this address that another process has accepted; {@link leave} ends that. */
  adopt(address: string): void {
    this.#count(address, 1);
  }

  /** A kept connection of this address is closed. */
  leave(address: string): void {
    this.#count(address, -1);
  }

  /** Follows which connections are idle: when there are as many as there may be, those that are idle longest give way to new ones. */
  serves(socket: Socket, response: ServerResponse): void {
    if (this.#most > 0 || this.#mostPerNetwork > 0) this.#idle.serves(socket, response);
  }

  /** Why a connection is not served; `undefined`: it is. */
  refusal(socket: Socket): FailureCode | undefined {
    return this.#refused.get((socket as MaybeSecured)._parent ?? socket);
  }

  close(): void {
    this.#rates.close();
  }

  #count(address: string, change: 1 | -1): void {
    this.#open += change;
    if (this.#mostPerNetwork > 0) addTo(this.#perNetwork, networkOf(address), change);
  }

  #judge(address: string): FailureCode | undefined {
    const network = this.#trusts(address) ? undefined : networkOf(address);
    if (network !== undefined && this.#isFull(network) && !this.#makeRoom(network)) return 'too_many_connections_ip';
    if (this.#most > 0 && this.#open > this.#most && !this.#makeRoom()) return 'too_many_connections';
    return this.#rates.count(network, performance.now());
  }

  #isFull(network: string): boolean {
    return this.#mostPerNetwork > 0 && (this.#perNetwork.get(network) ?? 0) > this.#mostPerNetwork;
  }

  /** Closes an idle connection. @returns whether there was one */
  #makeRoom(network?: string): boolean {
    const socket = this.#idle.take(network);
    if (socket === undefined) return false;
    const counted = (socket as MaybeSecured)._parent ?? socket;
    this.#count(plainAddress(counted.remoteAddress), -1);
    this.#kept.add(counted);
    socket.destroy();
    return true;
  }
}
