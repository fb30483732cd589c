import { events } from '@gopush/contract';
import { encodeWithPosition } from './position-escape.ts';

/** How packets are written to a client: Socket.IO's own options, and the forms of the event. */
export interface PacketOptions {
  readonly volatile?: boolean | undefined;
  readonly compress?: boolean | undefined;
  readonly wsPreEncodedFrame?: readonly Buffer[] | undefined;
  forms?: EventForms | undefined;
}

/** Packets that are written together. */
export interface Part {
  readonly packets: readonly (string | Buffer)[];
  readonly options: PacketOptions;
}

/** Encodes an event with other arguments. */
type Encode = (options: PacketOptions) => readonly (string | Buffer)[];

/**
 * The forms in which one event is written, each encoded once for all clients that get it.
 *
 * Behind the event goes another one, `go:mark`, with its position: by it a stock client of Socket.IO reports after a
 * reconnect which event it had last, and an agent knows which events it passed on. Handlers get no further argument.
 * A client that asked for positions gets the event with
 * its position as further arguments instead, so that no connection can be cut in between.
 */
export class EventForms {
  /** In other namespaces than the main one no client recovers its session, so only agents need positions there. */
  readonly isForAgents: boolean;
  readonly #position: string | undefined;
  readonly #namespace: string;
  readonly #encodeInline: Encode | undefined;
  #separate: readonly Part[] | undefined = undefined;
  #joined: readonly Part[] | undefined = undefined;
  #inline: readonly Part[] | undefined = undefined;

  /** @param encodeInline - encodes the event with its position, and with the data published beside it, as further arguments */
  constructor(position: string | undefined, namespace: string, encodeInline?: Encode) {
    this.isForAgents = namespace !== '/';
    this.#position = position;
    this.#namespace = namespace;
    this.#encodeInline = encodeInline;
  }

  /**
   * The form for one client.
   *
   * @param isWebSocket - over a WebSocket event and position leave in one write
   */
  partsFor(
    asksForPositions: boolean,
    isWebSocket: boolean,
    packets: readonly (string | Buffer)[],
    options: PacketOptions,
  ): readonly Part[] {
    if (asksForPositions && this.#encodeInline !== undefined) {
      this.#inline ??= [inlinePart(this.#encodeInline, options)];
      return this.#inline;
    }
    const frame = options.wsPreEncodedFrame;
    if (isWebSocket && frame !== undefined && this.#position !== undefined) {
      this.#joined ??= [this.#joinedPart(packets, options, frame, this.#position)];
      return this.#joined;
    }
    this.#separate ??= this.#separateParts(packets, options);
    return this.#separate;
  }

  #joinedPart(
    packets: readonly (string | Buffer)[],
    options: PacketOptions,
    frame: readonly Buffer[],
    position: string,
  ): Part {
    const wsPreEncodedFrame = joinFrames(frame, positionPacket(this.#namespace, position));
    return { packets, options: { ...socketIoOptions(options), wsPreEncodedFrame } };
  }

  #separateParts(packets: readonly (string | Buffer)[], options: PacketOptions): readonly Part[] {
    const event = { packets, options: socketIoOptions(options) };
    if (this.#position === undefined) return [event];
    return [event, { packets: [positionPacket(this.#namespace, this.#position)], options: { compress: false } }];
  }
}

function inlinePart(encode: Encode, { compress }: PacketOptions): Part {
  const options: PacketOptions = { compress };
  return { packets: encodeWithPosition(encode, options), options };
}

/** Without `volatile`: whether a volatile event is dropped has been decided by then. */
function socketIoOptions({ forms: _forms, volatile: _volatile, ...options }: PacketOptions): PacketOptions {
  return options;
}

function positionPacket(namespace: string, position: string): string {
  return `2${namespace === '/' ? '' : `${namespace},`}["${events.mark}",${JSON.stringify(position)}]`;
}

/** A frame with a text frame behind it, in one piece: `ws` writes one buffer of a frame, or two. */
function joinFrames(frame: readonly Buffer[], packet: string): Buffer[] {
  const text = Buffer.from(`4${packet}`);
  return [Buffer.concat([...frame, textFrameHeader(text.length), text])];
}

/** The header of an unfragmented, unmasked text frame (RFC 6455, section 5.2). Names of namespaces may be long. */
function textFrameHeader(length: number): Buffer {
  if (length < 126) return Buffer.from([0x81, length]);
  if (length < 65_536) return Buffer.from([0x81, 126, length >> 8, length & 0xff]);
  const header = Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 6);
  return header;
}
