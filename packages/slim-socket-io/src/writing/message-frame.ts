/** Length of the header of a frame of a server, by the length of its payload: RFC 6455, section 5.2. */
const shortest = { most: 125, header: 2 };
const middle = { marker: 126, most: 0xffff, header: 4 };
const longest = { marker: 127, header: 10 };

/** A whole text message in one frame: FIN and opcode 1. */
const wholeText = 0x81;
/** The type of a message in the protocol of Engine.IO: `4`. */
const messageType = 0x34;

/**
 * Encodes a message of Engine.IO as a frame of WebSocket, in one piece. Engine.IO and `ws` make a packet, a longer string, its bytes and a header
 * of that, each an object of its own.
 */
export function messageFrame(text: string): Buffer {
  const length = Buffer.byteLength(text) + 1;
  const header = length <= shortest.most ? shortest.header : length <= middle.most ? middle.header : longest.header;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = wholeText;
  if (header === shortest.header) frame[1] = length;
  else if (header === middle.header) {
    frame[1] = middle.marker;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = longest.marker;
    frame.writeUIntBE(0, 2, 2);
    frame.writeUIntBE(length, 4, 6);
  }
  frame[header] = messageType;
  frame.write(text, header + 1);
  return frame;
}
