import type { EndingCause } from '@gopush/contract';
import type { Tunnel } from './tunnel.ts';
import type { TunnelInfo } from './tunnel-info.ts';

/** The report on an upgraded connection that has ended. */
export interface TunnelEnd {
  readonly info: TunnelInfo;
  /** In time of `performance.now()`. */
  readonly openedAt: number;
  /** Whether it was handed over to its target, so that none of its bytes went through this agent. */
  readonly handedOff: boolean;
  readonly bytesFromClient: number;
  readonly bytesFromTarget: number;
  /** `undefined`: not known. */
  readonly messagesFromClient: number | undefined;
  readonly messagesFromTarget: number | undefined;
  /** How often its session has gone to another target. */
  readonly migrations: number;
  readonly cause: EndingCause;
  /** Status code of the first close frame. */
  readonly closeCode: number | undefined;
}

/** The end of a connection whose bytes went through this agent. */
export function endOfTunnel(tunnel: Tunnel): TunnelEnd {
  const { info, openedAt, client, target, before, migrations, cause = 'cut', closeCode } = tunnel;
  return {
    info,
    openedAt,
    handedOff: false,
    bytesFromClient: client.bytes,
    bytesFromTarget: target.bytes + before.bytes,
    messagesFromClient: client.messages,
    messagesFromTarget: target.messages + before.messages,
    migrations,
    cause,
    closeCode,
  };
}
