import type { Socket } from 'node:net';

/** The clients of an agent that asked for an upgrade: in their handshake, or at the end of a tunnel. */
export interface Tunnels {
  /** Counts a client until it is closed. */
  add(client: Socket): void;
  readonly size: number;
  /** Closes them all; the other end of each tunnel goes down with it. */
  cut(): void;
}

/** Keeps account of the clients that asked for an upgrade. */
export function createTunnels(): Tunnels {
  const open = new Set<Socket>();
  return {
    add(client) {
      open.add(client);
      client.once('close', () => open.delete(client));
    },
    get size() {
      return open.size;
    },
    cut() {
      for (const client of open) client.destroy();
    },
  };
}
