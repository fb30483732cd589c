import { type Packet, packetType } from '@gopush/slim-socket-io';

/**
 * A CONNECT of a client of Socket.IO 2 as one of Socket.IO 4. It has no `auth`: what its program gives as `query` stands behind the name of
 * the namespace, as `/admin?token=x`, and is `socket.handshake.auth`, as in Socket.IO with `allowEIO3`.
 */
export function takeQueryAsAuth(packet: Packet): Packet {
  const { type, nsp } = packet;
  const mark = nsp.indexOf('?');
  if (type !== packetType.connect || mark === -1) return packet;
  return { ...packet, nsp: nsp.slice(0, mark), data: Object.fromEntries(new URLSearchParams(nsp.slice(mark + 1))) };
}
