import { insideOfServer, packetType } from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';

/** Whether the event that is being encoded ends with a position of ours. */
let hasPosition = false;

/** Encodes an event that ends with a position of ours. */
export function encodeWithPosition<O, T>(encode: (options: O) => T, options: O): T {
  hasPosition = true;
  try {
    return encode(options);
  } finally {
    hasPosition = false;
  }
}

/**
 * Agents read positions at the end of events. A program may emit a text of a client that has the form of one: a space behind it, which means
 * nothing in JSON, takes that form away.
 */
export function escapeForeignPositions(io: Server): void {
  const { encoder } = insideOfServer(io);
  const encode = encoder.encode.bind(encoder);
  encoder.encode = (packet) => {
    const packets = encode(packet);
    const [first] = packets;
    const isOurs = hasPosition || (packet as { readonly type?: unknown }).type === packetType.connect;
    if (!isOurs && typeof first === 'string' && (first.endsWith('~"]') || first.endsWith('~"}'))) {
      packets[0] = `${first.slice(0, -1)} ${first.at(-1)}`;
    }
    return packets;
  };
}
