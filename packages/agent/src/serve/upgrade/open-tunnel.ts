import { plainAddress, sessionTokenHeader } from '@gopush/contract';
import { stopCounting } from '../../limits/stop-counting.ts';
import { leaveOpen } from '../../request/close-at-end.ts';
import type { Exchange } from '../../route/exchange.ts';
import { adopt } from '../../target/shared-buffer-io.ts';
import type { Tunnel } from '../../tunnel/tunnel.ts';
import type { TunnelInfo } from '../../tunnel/tunnel-info.ts';
import { isCompressed } from '../../wire/is-compressed.ts';
import { headerOf } from '../../wire/response-head.ts';
import type { AgentContext } from '../agent-context.ts';
import type { TunnelResponse } from './target-response.ts';
import { composeSwitchingProtocols, writeSwitchingProtocols } from './write-switching-protocols.ts';

/**
 * Joins a client and a target that has upgraded to a tunnel, and writes the 101.
 *
 * @param early - what the client has sent after the head of its request already
 */
export function openTunnel(
  exchange: Exchange,
  early: Buffer,
  response: TunnelResponse,
  { limits, tunnels, observer }: AgentContext,
): void {
  const { client } = exchange;
  const { socket, head, cookie, migration } = response;
  const peer = plainAddress(client.remoteAddress);
  leaveOpen(client);
  const bytesInBefore = client.bytesRead - early.length - client.readableLength;
  const bytesOutBefore = client.bytesWritten;
  const adopted = adopt(client);
  // A connection that keeps its socket stops counting when that closes, like any other.
  const isKept = adopted.socket !== client;
  if (isKept) limits.connections.keep(client);
  const info = infoOf(exchange, response, isKept ? peer : undefined);
  info.bytesInBefore = bytesInBefore;
  let tunnel: Tunnel | undefined;
  try {
    const switching = composeSwitchingProtocols(head, cookie);
    info.bytesOutBefore = bytesOutBefore + switching.length;
    tunnel = tunnels.open({ client: adopted.socket, target: socket, info, migration });
    observer.tunnelOpened(info.startedAt);
    writeSwitchingProtocols(adopted.socket, switching);
  } catch (error) {
    adopted.socket.destroy();
    socket.destroy();
    // An open tunnel counts for itself.
    if (tunnel === undefined) stopCounting(limits, info);
    throw error;
  }
  // What was sent right after the two heads goes first.
  tunnel.start([early, ...adopted.early].filter(notEmpty), [response.early].filter(notEmpty));
}

/** A small object of its own: the exchange has the whole request, and a tunnel lives for long. */
function infoOf(
  { origin: { id, address }, startedAt }: Exchange,
  { head, identity, member }: TunnelResponse,
  peer: string | undefined,
): TunnelInfo {
  const cannotMigrate = isCompressed(head) && headerOf(head, sessionTokenHeader) ? 'compressed' : undefined;
  const { uid, product } = identity;
  const before = { bytesInBefore: 0, bytesOutBefore: 0 };
  return { id, address, uid, product, member, startedAt, cannotMigrate, peer, ...before };
}

function notEmpty({ length }: Buffer): boolean {
  return length > 0;
}
