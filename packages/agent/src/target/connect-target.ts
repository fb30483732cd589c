import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Target } from '@gopush/contract';
import { keepSessions, tlsOptions } from './target-tls.ts';

/** The address of a target, for `net.connect`. */
export function addressOf({ host, port, socketPath }: Target): NetConnectOpts {
  return socketPath === undefined ? { host, port } : { path: socketPath };
}

/**
 * Opens a connection to a target, by TLS if the target has it. Bytes that are written before {@link readyEvent}
 * wait, so that none reaches a server with a wrong certificate.
 */
export function connectTarget(target: Target): Socket {
  const address = { ...addressOf(target), noDelay: true, allowHalfOpen: true };
  if (target.tls === undefined) return connect(address as NetConnectOpts);
  const socket = connectTls({ ...address, ...tlsOptions(target, target.tls) });
  socket.cork();
  socket.once('secureConnect', () => socket.uncork());
  keepSessions(socket, target);
  return socket;
}

/** The event of a connection by which its target can be written to. */
export function readyEvent(socket: Socket): 'connect' | 'secureConnect' {
  return socket instanceof TLSSocket ? 'secureConnect' : 'connect';
}
