import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Target } from '@gopush/contract';
import { keepSessions, tlsOptions } from './target-tls.ts';

/** Where the machine of a target listens, whatever is spoken there. */
export function addressOf({ host, port, socketPath }: Target): NetConnectOpts {
  return socketPath === undefined ? { host, port } : { path: socketPath };
}

/**
 * Opens a connection to a target, by TLS where it has that. What is written before {@link readyEvent} waits, so that nothing reaches a server
 * whose certificate is not the right one.
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

/** What a connection emits when its target can be spoken to. */
export function readyEvent(socket: Socket): 'connect' | 'secureConnect' {
  return socket instanceof TLSSocket ? 'secureConnect' : 'connect';
}
