import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterReading } from '@gopush/service';
import { isResting } from '../request/pace-chunks.ts';

/** How slow clients may be; 0 is no limit. */
export interface SlowLimits {
  /** How long a body may stall, and how far it may be behind its rate, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** Lowest rate of a body, in bytes per second. */
  readonly bodyBytesPerSecond: number;
  /** How long a client may read nothing of a response that waits for it, in milliseconds. */
  readonly sendTimeoutMs: number;
}

/** Emitted by a request whose body arrives too slowly. Without a listener its connection is cut. */
export const bodyTooSlow = Symbol('body too slow');

/** Finds clients that send the body of a request, or read a response, so slowly that they only occupy resources. */
export interface SlowClients {
  /** Follows the body of a request until it is complete. Time in which the agent does not read it does not count. */
  sends(request: IncomingMessage): void;
  /**
   * Follows a response while a part of it waits for the client.
   *
   * @param untilEnd - whether middlewares may hold back data, so that the response is watched until it ends. @defaultValue false
   */
  takes(response: ServerResponse, untilEnd?: boolean): void;
  close(): void;
}

interface Sending {
  /** Bytes of its connection at the last look. */
  bytes: number;
  /** For how long it may still be slow, in milliseconds. */
  creditMs: number;
}

interface Taking {
  readonly untilEnd: boolean;
  /** The progress of its connection when it last moved. */
  place: string;
  sinceMs: number;
}

/**
 * Opens the watch.
 *
 * @param onSlow - called before a connection is cut
 */
export function createSlowClients(
  limits: SlowLimits,
  onSlow: (code: 'request_timeout' | 'client_too_slow' | 'uid_hook_timeout') => void,
): SlowClients {
  const { bodyTimeoutMs, bodyBytesPerSecond, sendTimeoutMs } = limits;
  const sending = new Map<IncomingMessage, Sending>();
  const taking = new Map<ServerResponse, Taking>();
  const shortest = Math.min(...[bodyTimeoutMs, sendTimeoutMs].filter((ms) => ms > 0), 4_000);
  const stepMs = Math.max(10, shortest / 4);

  function lookAtBody(request: IncomingMessage, body: Sending): void {
    const { socket } = request;
    if (request.complete || request.destroyed || socket.destroyed) {
      sending.delete(request);
      return;
    }
    const moved = socket.bytesRead - body.bytes;
    body.bytes = socket.bytesRead;
    // The agent does not read: the request is queued, or its target takes no more, or the connection waits for its turn.
    if (request.readableFlowing !== true || isResting(socket)) return;
    const earned = bodyBytesPerSecond > 0 ? (moved * 1_000) / bodyBytesPerSecond : moved > 0 ? bodyTimeoutMs : 0;
    body.creditMs = Math.min(bodyTimeoutMs, body.creditMs + earned) - stepMs;
    if (body.creditMs > 0) return;
    sending.delete(request);
    if (request.emit(bodyTooSlow)) return;
    onSlow('request_timeout');
    socket.destroy();
  }

  function lookAtResponse(response: ServerResponse, progress: Taking, now: number): void {
    const { socket } = response;
    const waits = socket !== null && (socket.writableLength > 0 || (progress.untilEnd && !response.writableEnded));
    if (!waits || socket.destroyed) {
      taking.delete(response);
      return;
    }
    const place = placeOf(socket);
    if (place !== progress.place) {
      progress.place = place;
      progress.sinceMs = now;
    } else if (now - progress.sinceMs >= sendTimeoutMs) {
      taking.delete(response);
      // If nothing waits for the client, a middleware holds back the rest.
      onSlow(socket.writableLength > 0 ? 'client_too_slow' : 'uid_hook_timeout');
      response.destroy();
    }
  }

  const look = (): void => {
    for (const [request, body] of sending) lookAtBody(request, body);
    const now = performance.now();
    for (const [response, progress] of taking) lookAtResponse(response, progress, now);
  };
  const looking = setInterval(() => afterReading(look), stepMs).unref();

  return {
    sends(request) {
      if (bodyTimeoutMs > 0) sending.set(request, { bytes: request.socket.bytesRead, creditMs: bodyTimeoutMs });
    },
    takes(response, untilEnd = false) {
      const { socket } = response;
      if (sendTimeoutMs === 0 || socket === null || (taking.has(response) && !untilEnd)) return;
      taking.set(response, { place: placeOf(socket), sinceMs: performance.now(), untilEnd });
    },
    close: () => clearInterval(looking),
  };
}

/** Node's own object for a connection, which knows how much of its last write the kernel has not taken yet. */
interface WithHandle extends Socket {
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

/** Changes whenever the other side reads something. */
function placeOf(socket: Socket): string {
  const waits = (socket as WithHandle)._handle?.writeQueueSize ?? 0;
  return `${socket.bytesWritten} ${socket.writableLength} ${waits}`;
}
