import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Config, type FailureCode, noUser, plainAddress, type Trust } from '@gopush/contract';
import { AdmissionWindow, createTokenBucket, type EventLoopDelay, type TokenBucket } from '@gopush/service';
import { networkOf } from '../request/network-of.ts';
import { createIdleConnections } from './idle-connections.ts';

/** What an agent takes, and what it refuses. */
export interface Limits {
  /** Counts a connection until it closes, from before any handshake of TLS, and decides whether it is served. */
  admit(socket: Socket): void;
  /** Counts a connection whose client is not known yet, until it is admitted or closes. Where there are too many it is cut: it could not be told. */
  arrive(socket: Socket): void;
  /** Keeps a connection counted when its socket is closed, since another one has it now; `leave` ends that. */
  keep(socket: Socket): void;
  /** A kept connection of this address is closed. */
  leave(address: string): void;
  /** Follows which connections are idle: those that are longest give way to new ones, where there are as many as there may be. */
  serves(socket: Socket, response: ServerResponse): void;
  /** Why what comes on a connection is refused; `undefined`: it is not. */
  refusal(socket: Socket): FailureCode | undefined;
  /** Sessions that begin; `undefined`: as many as there are. */
  readonly beginning: AdmissionWindow | undefined;
  /** Counts a tunnel of a uid; `false` where it has enough. */
  openTunnel(uid: string): boolean;
  closeTunnel(uid: string): void;
  /** Open connections. */
  readonly connections: number;
  close(): void;
}

/** A socket of TLS, or one without. */
interface MaybeSecured extends Socket {
  /** The connection below, which was counted when it came. Node has no other name for it. */
  readonly _parent?: Socket;
}

/** Sessions that may begin at a time before anything is known of how long that takes. */
const firstBeginning = 512;

/** At which share of the delay that an agent puts up with fewer sessions may begin, where it lasts. */
const lateShare = 1 / 4;

/** How long a refused connection may take to send the request by which it hears of it, in milliseconds. */
const refusedMs = 2_000;

/** Opens the limits of an agent. */
export function createLimits(config: Config['limits'], trusts: Trust, eventLoop: EventLoopDelay): Limits {
  const {
    connections: most,
    connectionsPerIp,
    tunnelsPerUid,
    newPerSecond,
    newPerSecondPerIp,
    eventLoopDelayMs,
  } = config;
  const toleranceMs = eventLoopDelayMs * lateShare;
  const refused = new WeakMap<Socket, FailureCode>();
  const kept = new WeakSet<Socket>();
  const arrived = new WeakSet<Socket>();
  const perAddress = new Map<string, number>();
  const perUid = new Map<string, number>();
  const all = newPerSecond > 0 ? createTokenBucket(newPerSecond, performance.now()) : undefined;
  const buckets = new Map<string, TokenBucket>();
  let connections = 0;
  const sweep = setInterval(() => {
    const now = performance.now();
    for (const [address, bucket] of buckets) if (bucket.isFull(now)) buckets.delete(address);
  }, 1_000).unref();

  function count(address: string, change: 1 | -1): void {
    connections += change;
    if (connectionsPerIp > 0) add(perAddress, networkOf(address), change);
  }

  const isLimited = most > 0 || connectionsPerIp > 0;
  const idle = createIdleConnections((socket) => {
    const address = plainAddress(socket.remoteAddress);
    return trusts(address) ? undefined : networkOf(address);
  });

  /** Whether there was an idle connection to close. */
  function makeRoom(network?: string): boolean {
    const socket = idle.take(network);
    if (socket === undefined) return false;
    const counted = (socket as MaybeSecured)._parent ?? socket;
    count(plainAddress(counted.remoteAddress), -1);
    kept.add(counted);
    socket.destroy();
    return true;
  }

  function judge(address: string): FailureCode | undefined {
    const trusted = trusts(address);
    const key = networkOf(address);
    if (!trusted && connectionsPerIp > 0 && (perAddress.get(key) ?? 0) > connectionsPerIp && !makeRoom(key))
      return 'too_many_connections_ip';
    if (most > 0 && connections > most && !makeRoom()) return 'too_many_connections';
    const now = performance.now();
    if (!trusted && newPerSecondPerIp > 0) {
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        bucket = createTokenBucket(newPerSecondPerIp, now);
        buckets.set(key, bucket);
      }
      if (!bucket.take(now)) return 'too_fast_ip';
    }
    return all === undefined || all.take(now) ? undefined : 'too_fast';
  }

  return {
    get connections() {
      return connections;
    },
    arrive(socket) {
      connections++;
      arrived.add(socket);
      socket.once('close', () => {
        if (arrived.delete(socket)) connections--;
      });
      if (most > 0 && connections > most) socket.destroy();
    },
    admit(socket) {
      if (arrived.delete(socket)) connections--;
      const address = plainAddress(socket.remoteAddress);
      count(address, 1);
      socket.once('close', () => {
        if (!kept.has(socket)) count(address, -1);
      });
      const code = judge(address);
      if (code === undefined) return;
      refused.set(socket, code);
      socket.setTimeout(refusedMs, () => socket.destroy());
    },
    keep(socket) {
      kept.add(socket);
    },
    leave: (address) => count(address, -1),
    serves(socket, response) {
      if (isLimited) idle.serves(socket, response);
    },
    refusal(socket) {
      const code = refused.get((socket as MaybeSecured)._parent ?? socket);
      if (code !== undefined) return code;
      return eventLoopDelayMs > 0 && eventLoop.lastMs() > eventLoopDelayMs ? 'overloaded' : undefined;
    },
    beginning: eventLoopDelayMs > 0 ? new AdmissionWindow({ start: firstBeginning, toleranceMs }) : undefined,
    openTunnel(uid) {
      if (tunnelsPerUid === 0 || uid === noUser) return true;
      if ((perUid.get(uid) ?? 0) >= tunnelsPerUid) return false;
      add(perUid, uid, 1);
      return true;
    },
    closeTunnel(uid) {
      if (tunnelsPerUid > 0 && uid !== noUser) add(perUid, uid, -1);
    },
    close: () => clearInterval(sweep),
  };
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
