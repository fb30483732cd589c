/** Opcodes of WebSocket frames (RFC 6455 section 5.2). */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Is shown the control frames. */
export interface ControlReceiver {
  /**
   * A control frame is whole; its payload is unmasked.
   *
   * @param end - where it ends in the chunk
   * @param size - how many bytes it has with its header; more than `end` where it began in an earlier chunk
   */
  onControl(opcode: number, payload: Buffer, end: number, size: number): void;
  /**
   * The payload of a data frame is whole, and ends at `end` in the chunk. Only where the walker was told to say so.
   *
   * @param marked - where its mark may be; `undefined`: it has none
   */
  onDataEnd?(chunk: Buffer, end: number, marked: PositionPlace | undefined): void;
}

/** Where the mark of a text message may be: at the end of any, or only in the event that is for marks. */
export type PositionPlace = 'any' | 'own event';

/** Longest header: 2 bytes, 8 of length, 4 of mask. */
const maxHeaderBytes = 14;

/**
 * Walks the frames of one direction of a WebSocket without touching their payload: it reads the headers, counts messages, and
 * shows control frames. Chunks may be cut anywhere (RFC 6455 section 5.2).
 *
 * A class, since a gateway has two of these for each tunnel: fields cost less than closures.
 */
export class FrameWalker {
  /** Whole data messages that began: one for each text or binary frame that is no continuation. */
  messages = 0;
  /** What is not WebSocket, in words; from there on bytes are only counted. */
  fault: string | undefined;

  /** Bytes of the current frame's payload that are still to come. */
  #left = 0;
  /** Header bytes of a frame whose header was cut by the end of a chunk. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  /** Payload of the current control frame so far; data frames have none. */
  #control: Buffer | undefined;
  #controlLength = 0;
  /** Opcode of the current frame. */
  #opcode = 0;
  #mask = 0;
  #masked = false;
  /** Bytes of the current frame so far, and of its header. */
  #frameBytes = 0;
  /** Whether a message is to go on in another frame. */
  #fragmented = false;
  /** Binary messages that belong to the last text one, and are still to come. */
  #attachments = 0;
  /** The beginning of a text message; absent where nobody asks for whole events. */
  readonly #beginning: Buffer | undefined;
  #beginningLength = beginningBytes;
  #beginningMask = 0;
  #isText = false;

  /** @param tellsData - whether the end of each data frame is told, and whole events are looked for */
  constructor(tellsData = false) {
    if (tellsData) this.#beginning = Buffer.alloc(beginningBytes);
  }

  /**
   * How many bytes of the last chunk are before the last place at which nothing is half said: no frame, no message of several frames, no
   * event of Socket.IO whose binary attachments are still to come. Whoever goes on elsewhere has to begin there. 0 where there was none.
   */
  wholeUntil = 0;

  /** Whether the stream stands at such a place. */
  get atEvent(): boolean {
    return this.atBoundary && !this.#fragmented && this.#attachments === 0;
  }

  /** Whether it stands there, but for a control frame that is not whole. */
  get atEventButControl(): boolean {
    return !this.#fragmented && this.#attachments === 0 && (this.atBoundary || this.openControlBytes > 0);
  }

  /** Bytes at the end of the last chunks that may be, or are, the beginning of a control frame that is not whole. */
  get openControlBytes(): number {
    return this.#partialLength > 0 ? this.#partialLength : this.#control === undefined ? 0 : this.#frameBytes;
  }

  /** Whether the stream stands between two frames. */
  get atBoundary(): boolean {
    return this.#left === 0 && this.#partialLength === 0;
  }

  /**
   * Walks the first `length` bytes of a chunk.
   *
   * @returns how many of them are before the last boundary between two frames; 0 where the chunk holds none
   */
  walk(chunk: Buffer, length: number, to: ControlReceiver): number {
    let at = 0;
    let boundary = 0;
    this.wholeUntil = 0;
    while (at < length && this.fault === undefined) {
      if (this.#left > 0) {
        at = this.#walkPayload(chunk, at, length, to);
      } else if (this.#partialLength > 0) {
        at = this.#completeHeader(chunk, at, length, to);
      } else {
        const size = headerSize(chunk, at, length);
        if (at + size <= length) {
          this.#frameBytes = size;
          this.#readHeader(chunk, at, to, at + size);
          at += size;
        } else {
          this.#partial ??= Buffer.allocUnsafeSlow(maxHeaderBytes);
          this.#partialLength = chunk.copy(this.#partial, 0, at, length);
          at = length;
        }
      }
      if (this.atBoundary) {
        boundary = at;
        if (!this.#fragmented && this.#attachments === 0) this.wholeUntil = at;
      }
    }
    return boundary;
  }

  #walkPayload(chunk: Buffer, start: number, length: number, to: ControlReceiver): number {
    const take = Math.min(this.#left, length - start);
    const at = start + take;
    this.#frameBytes += take;
    if (this.#control !== undefined) this.#collect(chunk, start, take, to);
    else if (this.#beginningLength < beginningBytes) this.#begin(chunk, start, take);
    this.#left -= take;
    if (this.#left === 0 && this.#opcode < 8) this.#endFrame(chunk, at, to);
    return at;
  }

  /** Keeps how a text message begins, as long as it may be an event with attachments. */
  #begin(chunk: Buffer, at: number, take: number): void {
    const beginning = this.#beginning as Buffer;
    const until = Math.min(at + take, at + beginningBytes - this.#beginningLength);
    for (let from = at; from < until; from++) {
      const index = this.#beginningLength++;
      const mask = this.#masked ? (this.#beginningMask >>> (24 - 8 * (index & 3))) & 0xff : 0;
      beginning[index] = (chunk[from] as number) ^ mask;
      if (index === 2 ? isEvent(beginning) : index === 1 && !isEvent(beginning) && !mayHaveAttachments(beginning)) {
        this.#beginningLength = beginningBytes;
        return;
      }
    }
  }

  /** A data frame is whole. */
  #endFrame(chunk: Buffer | undefined, at: number, to: ControlReceiver): void {
    const beginning = this.#beginning;
    if (beginning === undefined) return;
    if (this.#opcode === opcodes.text) this.#attachments = attachmentsOf(beginning, this.#beginningLength);
    else if (!this.#isText && !this.#fragmented && this.#attachments > 0) this.#attachments--;
    this.#beginningLength = beginningBytes;
    if (chunk !== undefined) to.onDataEnd?.(chunk, at, this.#isText ? positionPlaceOf(beginning) : undefined);
  }

  #completeHeader(chunk: Buffer, start: number, length: number, to: ControlReceiver): number {
    const partial = this.#partial as Buffer;
    let at = start;
    while (at < length && this.#partialLength < headerSize(partial, 0, this.#partialLength)) {
      partial[this.#partialLength++] = chunk[at++] as number;
    }
    if (this.#partialLength === headerSize(partial, 0, this.#partialLength)) {
      this.#frameBytes = this.#partialLength;
      this.#partialLength = 0;
      this.#readHeader(partial, 0, to, at);
    }
    return at;
  }

  #readHeader(bytes: Buffer, at: number, to: ControlReceiver, end: number): void {
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const opcode = first & 0x0f;
    const short = second & 0x7f;
    this.#masked = (second & 0x80) !== 0;
    this.#left = short;
    if (short === 126) this.#left = bytes.readUInt16BE(at + 2);
    else if (short === 127) {
      const high = bytes.readUInt32BE(at + 2);
      // Beyond what a number holds exactly; no peer sends eight petabytes.
      if (high > 0x1fffff) this.fault = 'a frame longer than 2^53 bytes';
      this.#left = high * 4294967296 + bytes.readUInt32BE(at + 6);
    }
    this.#opcode = opcode;
    if (opcode < 8) {
      if (opcode > 2) this.fault = `a frame of reserved opcode ${opcode}`;
      if (opcode !== opcodes.continuation) this.messages++;
      if (this.#beginning !== undefined && this.fault === undefined) this.#startFrame(bytes, at, end, to);
      return;
    }
    if (opcode > 10) this.fault = `a frame of reserved opcode ${opcode}`;
    else if (short > 125 || (first & 0x80) === 0) this.fault = 'a control frame that is long or fragmented';
    if (this.fault !== undefined) return;
    if (this.#masked) this.#mask = bytes.readUInt32BE(at + headerSize(bytes, at, at + 2) - 4);
    if (short === 0) {
      to.onControl(opcode, empty, end, this.#frameBytes);
      return;
    }
    this.#control = Buffer.allocUnsafe(short);
    this.#controlLength = 0;
  }

  #startFrame(bytes: Buffer, at: number, end: number, to: ControlReceiver): void {
    this.#fragmented = ((bytes[at] as number) & 0x80) === 0;
    if (this.#opcode !== opcodes.continuation) {
      this.#isText = this.#opcode === opcodes.text;
      // What belongs to one event comes in the first frame's first bytes.
      if (this.#isText) {
        this.#beginningLength = 0;
        if (this.#masked) this.#beginningMask = bytes.readUInt32BE(at + headerSize(bytes, at, at + 2) - 4);
      }
    }
    // Nothing in it that could be looked at.
    if (this.#left === 0) this.#endFrame(undefined, end, to);
  }

  #collect(chunk: Buffer, at: number, take: number, to: ControlReceiver): void {
    const control = this.#control as Buffer;
    this.#controlLength += chunk.copy(control, this.#controlLength, at, at + take);
    if (this.#controlLength < control.length) return;
    this.#control = undefined;
    if (this.#masked) unmask(control, this.#mask);
    to.onControl(this.#opcode, control, at + take, this.#frameBytes);
  }
}

const empty = Buffer.alloc(0);

/** Of a text message what has to be seen: `4`, `5` or `6`, how many attachments, `-`. */
const beginningBytes = 8;

/** Whether a text message that begins so is one of Socket.IO's binary events, or an answer with binary in it. */
function mayHaveAttachments(beginning: Buffer): boolean {
  return beginning[0] === 0x34 && (beginning[1] === 0x35 || beginning[1] === 0x36);
}

/** Whether a text message that begins so is an event of Socket.IO without binary in it. */
function isEvent(beginning: Buffer): boolean {
  return beginning[0] === 0x34 && beginning[1] === 0x32;
}

/**
 * Where in a text message that begins so a mark of its target may be. Not in answers of Socket.IO, nor in events that want an answer; and of events
 * of another namespace than the main one only in `go:mark`: they end with what a program, or another client, wrote.
 */
function positionPlaceOf(beginning: Buffer): PositionPlace | undefined {
  if (isEvent(beginning)) return beginning[2] === 0x5b ? 'any' : beginning[2] === 0x2f ? 'own event' : undefined;
  return beginning[0] !== 0x34 || (beginning[1] !== 0x33 && beginning[1] !== 0x36) ? 'any' : undefined;
}

/** How many binary messages follow a text one (https://github.com/socketio/socket.io-protocol), of which `length` bytes are known. */
function attachmentsOf(beginning: Buffer, length: number): number {
  if (length < 2 || !mayHaveAttachments(beginning)) return 0;
  const [, count] = /^4[56](\d+)-/.exec(beginning.toString('latin1', 0, length)) ?? [];
  return Number(count ?? 0);
}

/** The whole size of the frame with which these bytes begin; `undefined` while that cannot be told. */
export function frameSize(bytes: Buffer): number | undefined {
  const header = headerSize(bytes, 0, bytes.length);
  if (bytes.length < header || bytes.length < 2) return undefined;
  const short = (bytes[1] as number) & 0x7f;
  if (short === 126) return header + bytes.readUInt16BE(2);
  return header + (short === 127 ? Number(bytes.readBigUInt64BE(2)) : short);
}

/** The size of the header that begins at `at`, as far as the bytes up to `end` tell; at least 2. */
function headerSize(bytes: Buffer, at: number, end: number): number {
  if (end - at < 2) return 2;
  const second = bytes[at + 1] as number;
  const short = second & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
}

function unmask(payload: Buffer, mask: number): void {
  for (let index = 0; index < payload.length; index++) {
    payload[index] = (payload[index] as number) ^ ((mask >>> (24 - 8 * (index & 3))) & 0xff);
  }
}
