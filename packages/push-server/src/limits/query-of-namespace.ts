import { type Packet, packetType } from '@gopush/slim-socket-io';

/**
 * Turns a CONNECT of a client of Socket.IO 2 into one of Socket.IO 4. Instead of `auth`, it has the `query` of its program after the name of the
 * namespace, as `/admin?token=x`. This becomes `socket.handshake.auth`, as in Socket.IO with `allowEIO3`.
 */
export function takeQueryAsAuth(packet: Packet): Packet {
  const { type, nsp } = packet;
  const mark = nsp.indexOf('?');
  if (type !== packetType.connect || mark === -1) return packet;
  return { ...packet, nsp: nsp.slice(0, mark), data: Object.fromEntries(new URLSearchParams(nsp.slice(mark + 1))) };
}
