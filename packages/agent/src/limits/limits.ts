import type { Socket } from 'node:net';
import type { Config, FailureCode, Trust } from '@gopush/contract';
import { AdmissionWindow, type EventLoopDelay } from '@gopush/service';
import { ConnectionLimits } from './connection-limits.ts';
import { TunnelLimits } from './tunnel-limits.ts';

/** How much an agent takes on. */
export interface Limits {
  readonly connections: ConnectionLimits;
  readonly tunnels: TunnelLimits;
  /** Sessions that begin; `undefined`: no limit. */
  readonly beginning: AdmissionWindow | undefined;
  /** Why a request on this connection is refused; `undefined`: it is not. */
  refusal(socket: Socket): FailureCode | undefined;
  close(): void;
}

/** Sessions that may begin at a time before it is known how long one takes. */
const firstBeginning = 512;

/** Fewer sessions may begin while the event loop is late by this share of the delay at which all requests are refused. */
const lateShare = 1 / 4;

/**
 * Extra places of a window, as a share of it. They are for other networks while one network holds half of the places. There is no bound for each
 * network, unlike for the users of a push-server: behind a proxy that is not trusted, all clients have one address.
 */
export const reserveShare = 1 / 4;

/** Opens the limits of an agent. */
export function createLimits(config: Config['limits'], trusts: Trust, eventLoop: EventLoopDelay): Limits {
  const { eventLoopDelayMs, tunnelsPerUid } = config;
  const connections = new ConnectionLimits(config, trusts);
  const toleranceMs = eventLoopDelayMs * lateShare;
  return {
    connections,
    tunnels: new TunnelLimits(tunnelsPerUid),
    beginning:
      eventLoopDelayMs > 0
        ? new AdmissionWindow({ start: firstBeginning, toleranceMs, reserve: reserveShare })
        : undefined,
    refusal(socket) {
      const code = connections.refusal(socket);
      if (code !== undefined) return code;
      return eventLoopDelayMs > 0 && eventLoop.lastMs() > eventLoopDelayMs ? 'overloaded' : undefined;
    },
    close: () => connections.close(),
  };
}
