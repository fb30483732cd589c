import { agentHeader, events, greeting, type Welcome } from '@gopush/contract';
import { withoutMachine } from '@gopush/service';
import type { Socket } from 'socket.io';
import type { ServerClient } from '../hook/server-hook.ts';

/**
 * Sends a client its uid and product, and the names of the agent and the push-server that serve it.
 *
 * @param server - name of this push-server, without that of its machine
 */
export function greet(socket: Socket, { uid, product }: ServerClient, server: string): void {
  const agent = socket.handshake.headers[agentHeader];
  const welcome: Welcome = { uid, product, agent: typeof agent === 'string' ? withoutMachine(agent) : null, server };
  socket.emit(events.welcome, welcome);
  socket.emit(events.push, greeting);
}
