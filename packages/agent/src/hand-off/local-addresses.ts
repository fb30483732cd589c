import { networkInterfaces } from 'node:os';
import type { Target } from '@gopush/contract';

/** How long the addresses of this machine are remembered, in milliseconds. */
const rememberMs = 10_000;

/** The addresses of this machine. */
export class LocalAddresses {
  #addresses: ReadonlySet<string> = new Set();
  #readAt = Number.NEGATIVE_INFINITY;

  /**
   * Whether a target listens on this machine, at a TCP port and without TLS, so that it can be given the connection of a client. Names other than
   * `localhost` are not looked up.
   */
  has({ host, socketPath, tls }: Pick<Target, 'host' | 'socketPath' | 'tls'>): boolean {
    if (socketPath !== undefined || tls !== undefined) return false;
    return host === 'localhost' || host === '::1' || host.startsWith('127.') || this.#current().has(host);
  }

  #current(): ReadonlySet<string> {
    const now = performance.now();
    if (now - this.#readAt < rememberMs) return this.#addresses;
    this.#readAt = now;
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);
    this.#addresses = new Set(addresses);
    return this.#addresses;
  }
}
