import type { Socket } from 'node:net';
import type { Target } from '@gopush/contract';
import { afterReading } from '@gopush/service';
import { readyEvent } from '../../target/connect-target.ts';
import { carryTo, connectCarrying, type Receiver, readAhead, readRest } from '../../target/shared-buffer-io.ts';
import { connectionKey } from '../../target/target-tls.ts';
import { type BodyBudget, createBodyBudget } from './request-body.ts';

/** One request and its response on a connection to a target. */
export interface TargetExchange extends Receiver {
  /** A new connection is established. */
  onConnect(): void;
  /** The connection takes more of the request. */
  onDrain(): void;
  /** Nothing has moved for the time that was set. */
  onIdle(): void;
  /** The connection is gone: with an error, or ended by the target. */
  onGone(error: NodeJS.ErrnoException | undefined): void;
}

/** Connections to targets, each for one request at a time. */
export interface TargetConnections {
  /**
   * Begins a request on an idle connection, or on a new one.
   *
   * @param idleMs - after how long without any movement `onIdle` is called, in milliseconds
   * @param fresh - whether only a new connection will do
   */
  begin(target: Target, exchange: TargetExchange, idleMs: number, fresh: boolean): TargetConnection;
  /** Closes the idle connections to a target that has announced that it stops. */
  retire(target: Target): void;
  /** The budget of kept bodies. */
  readonly bodies: BodyBudget;
  /** All that are open, idle ones included. */
  all(): Iterable<TargetConnection>;
  /** Is called with each connection that has closed. @defaultValue nothing */
  onClosed: (connection: TargetConnection) => void;
  close(): void;
}

/** Idle connections kept for each target. Busy ones are not bounded here: each long poll occupies one. */
const maxIdlePerTarget = 256;

/** After how long without a byte the kernel checks whether the target is still there, in milliseconds. */
const keepAliveMs = 10_000;

/**
 * Keeps connections to targets open between requests.
 *
 * @param keepIdleMs - for how long at most, in milliseconds
 */
export function createTargetConnections(connectTimeoutMs: number, keepIdleMs: number): TargetConnections {
  const idleByTarget = new Map<string, TargetConnection[]>();
  const open = new Set<TargetConnection>();

  const pool: Pool = {
    connectTimeoutMs,
    keepIdleMs,
    keep(connection) {
      let idle = idleByTarget.get(connection.key);
      if (idle === undefined) {
        idle = [];
        idleByTarget.set(connection.key, idle);
      }
      if (idle.length >= maxIdlePerTarget) return false;
      idle.push(connection);
      return true;
    },
    forget(connection) {
      open.delete(connection);
      connections.onClosed(connection);
      const idle = idleByTarget.get(connection.key);
      const index = idle?.indexOf(connection) ?? -1;
      if (idle === undefined || index === -1) return;
      idle.splice(index, 1);
      if (idle.length === 0) idleByTarget.delete(connection.key);
    },
  };

  function takeIdle(target: Target): TargetConnection | undefined {
    const idle = idleByTarget.get(connectionKey(target));
    for (;;) {
      // The newest: the oldest are those a target is about to close.
      const connection = idle?.pop();
      if (connection === undefined || connection.isFit) return connection;
      // An ended one is forgotten a moment later. One that has been kept for too long, because its timer is late, might
      // be closed by its target just now.
      connection.discard();
    }
  }

  const connections: TargetConnections = {
    begin(target, exchange, idleMs, fresh) {
      let connection = fresh ? undefined : takeIdle(target);
      if (connection === undefined) {
        connection = new TargetConnection(target, pool);
        open.add(connection);
      }
      connection.begin(exchange, idleMs);
      return connection;
    },
    retire({ name }) {
      for (const idle of idleByTarget.values()) {
        if (idle[0]?.target.name !== name) continue;
        for (const connection of [...idle]) connection.discard();
      }
    },
    bodies: createBodyBudget(),
    all: () => open,
    onClosed: () => {},
    close() {
      for (const connection of open) connection.socket.destroy();
    },
  };
  return connections;
}

interface Pool {
  readonly connectTimeoutMs: number;
  readonly keepIdleMs: number;
  /** Keeps an idle connection; `false` if there are enough. */
  keep(connection: TargetConnection): boolean;
  forget(connection: TargetConnection): void;
}

/** A connection to a target, with or without a request on it. Its listeners stay; only the exchange that they call changes. */
export class TargetConnection implements Receiver {
  readonly target: Target;
  /** See {@link connectionKey}. */
  readonly key: string;
  readonly socket: Socket;
  /** Whether it was ever established: before that the target has got nothing of a request. */
  connected = false;
  readonly #pool: Pool;
  #exchange: TargetExchange | undefined;
  #keptUntil = 0;
  /** Bytes that it had read when {@link wasHeard} was last called. */
  #bytesHeard = 0;

  constructor(target: Target, pool: Pool) {
    this.target = target;
    this.key = connectionKey(target);
    this.#pool = pool;
    this.socket = connectCarrying(target);
    const tooLate = (): void => {
      if (this.connected) return;
      this.socket.destroy(new ConnectTimeoutError(`not connected within ${pool.connectTimeoutMs} ms`));
    };
    const connecting = setTimeout(() => afterReading(tooLate), pool.connectTimeoutMs);
    let failure: Error | undefined;
    this.socket
      .once(readyEvent(this.socket), () => {
        clearTimeout(connecting);
        this.connected = true;
        this.#notify('onConnect');
      })
      .on('drain', () => this.#notify('onDrain'))
      .on('timeout', () => (this.#exchange === undefined ? this.socket.destroy() : this.#notify('onIdle')))
      .on('error', (error) => {
        failure = error;
      })
      .once('end', () => {
        this.socket.destroy();
      })
      .once('close', () => {
        clearTimeout(connecting);
        pool.forget(this);
        const exchange = this.#exchange;
        this.#exchange = undefined;
        try {
          exchange?.onGone(failure);
        } catch (error) {
          exchange?.onFault(error);
        }
      });
    // Finds a target whose machine is gone.
    this.socket.setKeepAlive(true, keepAliveMs);
    carryTo(this.socket, this);
  }

  /** Whether a request is on it. */
  get isBusy(): boolean {
    return this.#exchange !== undefined;
  }

  /** Whether anything has come from the target since the last call. */
  wasHeard(): boolean {
    const { bytesRead } = this.socket;
    if (bytesRead === this.#bytesHeard) return false;
    this.#bytesHeard = bytesRead;
    return true;
  }

  /** Whether an idle one may still be used. */
  get isFit(): boolean {
    return this.socket.writable && performance.now() < this.#keptUntil;
  }

  begin(exchange: TargetExchange, idleMs: number): void {
    this.#exchange = exchange;
    this.socket.setTimeout(idleMs);
  }

  /**
   * Sends more of the request. A target that reads no more may have responded before: its response is read before the connection is given up.
   *
   * @param onLost - called if nothing of this was sent
   */
  send(data: string | Buffer, onLost?: () => void): void {
    if (this.connected) readAhead(this.socket);
    this.socket.write(data, 'latin1', onLost === undefined ? this.#onSent : (error) => this.#onSent(error, onLost));
  }

  readonly #onSent = (error?: Error | null, onLost?: () => void): void => {
    if (!error) return;
    onLost?.();
    readRest(this.socket, this);
  };

  /**
   * The exchange is over, and the connection may be used for another one.
   *
   * @param mostMs - how long its target keeps it, in milliseconds
   */
  release(mostMs: number): void {
    this.#exchange = undefined;
    const ms = Math.min(mostMs, this.#pool.keepIdleMs);
    if (this.socket.destroyed || ms <= 0 || !this.#pool.keep(this)) this.socket.destroy();
    else {
      this.#keptUntil = performance.now() + ms;
      this.socket.setTimeout(ms);
    }
  }

  /** The exchange is over, and so is the connection. */
  discard(): void {
    this.#exchange = undefined;
    this.socket.destroy();
  }

  #notify(what: 'onConnect' | 'onDrain' | 'onIdle'): void {
    try {
      this.#exchange?.[what]();
    } catch (error) {
      this.onFault(error);
    }
  }

  onFault(error: unknown): void {
    const exchange = this.#exchange;
    this.discard();
    exchange?.onFault(error);
  }

  onChunk(chunk: Buffer, length: number): boolean {
    if (this.#exchange !== undefined) return this.#exchange.onChunk(chunk, length);
    // A response without a request.
    this.socket.destroy();
    return false;
  }
}

/** Connecting took too long. */
class ConnectTimeoutError extends Error {
  override readonly name = 'ConnectTimeoutError';
}
