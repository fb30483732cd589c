import type { Socket } from 'node:net';
import { CloseQueue, closeInRandomOrder } from './paced-closing.ts';
import { Tunnel, type TunnelEvents, type TunnelLimits, type TunnelParts } from './tunnel.ts';

/** How long a client has to receive its close frame and to reply to it, in milliseconds; half of the drain time if that is shorter. */
const goodbyeMs = 1_000;

/** Options of {@link Tunnels}. */
export interface TunnelsOptions {
  readonly limits: TunnelLimits;
  /** How many tunnels are closed a second if many have to be. */
  readonly closePerSecond: number;
  readonly events: TunnelEvents;
}

/** The clients of an agent that asked for an upgrade, from their handshake to the end of their tunnel. */
export class Tunnels {
  readonly #events: TunnelEvents;
  /** Clients in their handshake. */
  readonly #handshakes = new Set<Socket>();
  readonly #tunnels = new Set<Tunnel>();
  readonly #closing: CloseQueue;
  readonly #sweeping: NodeJS.Timeout;
  /** Resolved when there is neither a handshake nor a tunnel any more. */
  readonly #waitingForEnd = new Set<() => void>();
  /** The time of a drain is over: nothing is opened any more. */
  #isOver = false;

  constructor({ limits, closePerSecond, events }: TunnelsOptions) {
    this.#events = {
      onClosed: (tunnel) => this.#closed(tunnel, events),
      onHandedOver: (tunnel) => this.#handedOver(tunnel, events),
      onFault: events.onFault,
    };
    this.#closing = new CloseQueue(closePerSecond);
    this.#sweeping = setInterval(() => this.#sweep(limits), 1_000).unref();
  }

  /** Counts a client's handshake until it is over: a tunnel, a response, or gone. After a drain the client is cut. */
  greet(client: Socket): void {
    if (this.#isOver) {
      client.destroy();
      return;
    }
    this.#handshakes.add(client);
    client.once('close', () => {
      this.#handshakes.delete(client);
      this.#look();
    });
  }

  /** Joins a client and a target. The caller starts the tunnel. */
  open(parts: TunnelParts): Tunnel {
    const tunnel = new Tunnel(parts, performance.now(), this.#events);
    this.#tunnels.add(tunnel);
    return tunnel;
  }

  get size(): number {
    return this.#tunnels.size;
  }

  /** All open tunnels. */
  all(): Iterable<Tunnel> {
    return this.#tunnels;
  }

  /** Bytes or messages through the open tunnels, by sender. */
  carrying(what: 'bytes' | 'messages'): { client: number; target: number } {
    const sum = { client: 0, target: 0 };
    for (const { client, target } of this.#tunnels) {
      sum.client += client[what];
      sum.target += target[what];
    }
    return sum;
  }

  /** Closes a tunnel whose session has no target, with 1012, when its turn comes. */
  closeSoon(tunnel: Tunnel): void {
    this.#closing.add(tunnel, 'not resumed');
  }

  /**
   * Lets tunnels run, then closes them with 1012 in random order, `perSecond` of them a second, and cuts what is left
   * after `drainMs`: handshakes that are under way, and tunnels. Resolves when there are none of either. Of several
   * drains the shortest one counts.
   *
   * @param noMore - resolves when no client can begin a handshake any more
   */
  async drain(drainMs: number, perSecond: number, noMore: Promise<unknown>): Promise<void> {
    const cut = setTimeout(() => this.#cutAll(), drainMs);
    // As late as the pace allows, and early enough for the last client to receive its close frame.
    const closingMs = (this.#tunnels.size / perSecond) * 1_000 + Math.min(goodbyeMs, drainMs / 2);
    let stopClosing: (() => void) | undefined;
    const start = setTimeout(
      () => {
        stopClosing = closeInRandomOrder(this.#tunnels, perSecond);
      },
      Math.max(0, drainMs - closingMs),
    );
    await noMore;
    await this.#whenNone();
    clearTimeout(cut);
    clearTimeout(start);
    stopClosing?.();
  }

  close(): void {
    clearInterval(this.#sweeping);
    this.#closing.close();
  }

  #sweep(limits: TunnelLimits): void {
    const now = performance.now();
    for (const tunnel of this.#tunnels) {
      try {
        tunnel.sweep(now, limits);
      } catch (error) {
        tunnel.fault(error);
      }
    }
  }

  #closed(tunnel: Tunnel, events: TunnelEvents): void {
    this.#tunnels.delete(tunnel);
    try {
      events.onClosed(tunnel);
    } finally {
      this.#look();
    }
  }

  #handedOver(tunnel: Tunnel, events: TunnelEvents): void {
    this.#tunnels.delete(tunnel);
    events.onHandedOver(tunnel);
    this.#look();
  }

  #cutAll(): void {
    this.#isOver = true;
    for (const client of this.#handshakes) client.destroy();
    for (const tunnel of this.#tunnels) tunnel.destroy('cut');
  }

  #look(): void {
    if (this.#waitingForEnd.size === 0 || this.#tunnels.size > 0 || this.#handshakes.size > 0) return;
    for (const resolve of this.#waitingForEnd) resolve();
    this.#waitingForEnd.clear();
  }

  #whenNone(): Promise<void> {
    return new Promise((resolve) => {
      this.#waitingForEnd.add(resolve);
      this.#look();
    });
  }
}
