/** A packet of Socket.IO: https://socket.io/docs/v4/socket-io-protocol */
export interface Packet {
  readonly type: number;
  readonly nsp: string;
  readonly id?: number;
  readonly data?: unknown;
}

/** The types of packets. A packet with binary attachments has the type of one without them as soon as it is complete. */
export const packetType = { connect: 0, disconnect: 1, event: 2, ack: 3, connectError: 4 } as const;
