import { events } from '@gopush/contract';
import { insideOfServer, packetType } from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';

/** How packets are written to a client: Socket.IO's own options, and what goes along. */
export interface PacketOptions {
  readonly volatile?: boolean | undefined;
  readonly compress?: boolean | undefined;
  readonly wsPreEncodedFrame?: readonly Buffer[] | undefined;
  along?: Along | undefined;
}

/** Packets that are written together. */
export interface Part {
  readonly packets: readonly (string | Buffer)[];
  readonly options: PacketOptions;
}

/** Makes packets of an event with other arguments. */
type EncodeInline = (options: PacketOptions) => readonly (string | Buffer)[];

/**
 * What goes out with an event: behind it the event `go:mark`, by which stock clients of Socket.IO tell on their return what they got last, and agents
 * what went out. Handlers get no argument of it. Clients that asked for marks get the event with its mark, and what else is said of it, as
 * further arguments instead: then a connection that is cut in between leaves no doubt.
 *
 * Encoded once for all clients that get the event.
 */
export class Along {
  readonly #mark: string | undefined;
  readonly #encodeInline: EncodeInline | undefined;
  #bare: readonly Part[] | undefined = undefined;
  #joined: readonly Part[] | undefined = undefined;
  #inline: readonly Part[] | undefined = undefined;

  /** In other namespaces than the main one no client comes back to its session: only agents need marks there. */
  readonly isForAgents: boolean;
  readonly #namespace: string;

  constructor(mark: string | undefined, namespace: string, encodeInline?: EncodeInline) {
    this.#mark = mark;
    this.isForAgents = namespace !== '/';
    this.#namespace = namespace;
    this.#encodeInline = encodeInline;
  }

  /** What is written to one client. @param isWebSocket - of which one write is spared */
  partsFor(
    asksForMarks: boolean,
    isWebSocket: boolean,
    packets: readonly (string | Buffer)[],
    options: PacketOptions,
  ): readonly Part[] {
    if (asksForMarks && this.#encodeInline !== undefined) {
      this.#inline ??= [inlineOf(this.#encodeInline, options)];
      return this.#inline;
    }
    const frame = options.wsPreEncodedFrame;
    if (isWebSocket && frame !== undefined && this.#mark !== undefined) {
      this.#joined ??= [
        {
          packets,
          options: { ...plain(options), wsPreEncodedFrame: joined(frame, packetOf(this.#namespace, this.#mark)) },
        },
      ];
      return this.#joined;
    }
    this.#bare ??= [
      { packets, options: plain(options) },
      ...(this.#mark === undefined
        ? []
        : [{ packets: [packetOf(this.#namespace, this.#mark)], options: { compress: false } }]),
    ];
    return this.#bare;
  }
}

/** Whoever writes it has looked already whether a volatile event is dropped. */
function plain({ along: _along, volatile: _volatile, ...options }: PacketOptions): PacketOptions {
  return options;
}

function packetOf(namespace: string, mark: string): string {
  return `2${namespace === '/' ? '' : `${namespace},`}["${events.mark}",${JSON.stringify(mark)}]`;
}

function joined(frame: readonly Buffer[], packet: string): Buffer[] {
  const text = Buffer.from(`4${packet}`);
  // One whole text frame (RFC 6455 section 5.2). In one piece: `ws` writes one buffer of a frame, or two.
  return [Buffer.concat([...frame, headOfText(text.length), text])];
}

/** Names of namespaces may be long. */
function headOfText(length: number): Buffer {
  if (length < 126) return Buffer.from([0x81, length]);
  if (length < 65_536) return Buffer.from([0x81, 126, length >> 8, length & 0xff]);
  const head = Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 6);
  return head;
}

/** Whether what is encoded now ends with a mark of ours. */
let isOurs = false;

function inlineOf(encode: EncodeInline, { compress }: PacketOptions): Part {
  const options: PacketOptions = { compress };
  isOurs = true;
  try {
    return { packets: encode(options), options };
  } finally {
    isOurs = false;
  }
}

/**
 * Agents read marks at the end of events. A program may emit what a client wrote in the form of one: that gets a space behind it, which JSON
 * does not care about, and is none.
 */
export function keepMarksApart(io: Server): void {
  const { encoder } = insideOfServer(io);
  const encode = encoder.encode.bind(encoder);
  encoder.encode = (packet) => {
    const packets = encode(packet);
    const [first] = packets;
    const isMarked = isOurs || (packet as { readonly type?: unknown }).type === packetType.connect;
    if (!isMarked && typeof first === 'string' && (first.endsWith('~"]') || first.endsWith('~"}'))) {
      packets[0] = `${first.slice(0, -1)} ${first.at(-1)}`;
    }
    return packets;
  };
}
