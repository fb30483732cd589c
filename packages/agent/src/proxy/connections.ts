import { Agent } from 'node:http';
import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** Connections to targets. */
export interface Connections {
  /** For requests: kept open and used again. */
  readonly pooled: Agent;
  /** For upgrades: each its own. */
  readonly single: Agent;
  close(): void;
}

/** Connecting took too long. */
export class ConnectTimeoutError extends Error {
  override readonly name = 'ConnectTimeoutError';
  readonly code = 'ETIMEDOUT';
}

/** Idle connections kept per target. Busy ones are not bounded here: each long poll holds one. */
const maxIdlePerTarget = 64;

/**
 * Opens connections to targets with a deadline.
 *
 * @param connectTimeoutMs - longest time to connect, in milliseconds
 */
export function createConnections(connectTimeoutMs: number): Connections {
  // Newest first: the oldest idle connections are those a target is about to close.
  const pooled = createPool(
    new Agent({ keepAlive: true, scheduling: 'lifo', maxFreeSockets: maxIdlePerTarget }),
    (options) => open(options, connectTimeoutMs),
  );
  const single = createPool(
    new Agent({ keepAlive: false }),
    // A target that has said its last word may still be listening.
    (options) => open({ ...options, allowHalfOpen: true }, connectTimeoutMs),
  );
  return {
    pooled,
    single,
    close() {
      pooled.destroy();
      single.destroy();
    },
  };
}

function createPool(agent: Agent, createConnection: (options: NetConnectOpts) => Socket): Agent {
  // The documented way to have an agent connect differently.
  return Object.assign(agent, { createConnection });
}

function open(options: NetConnectOpts, connectTimeoutMs: number): Socket {
  const socket = connect(options);
  socket.setNoDelay(true);
  const deadline = setTimeout(() => {
    socket.destroy(new ConnectTimeoutError(`not connected within ${connectTimeoutMs} ms`));
  }, connectTimeoutMs);
  const settled = (): void => clearTimeout(deadline);
  return socket.once('connect', settled).once('close', settled);
}
