import {
  attachmentsOf,
  beginningBytes,
  isEvent,
  mayHaveAttachments,
  type PositionPlace,
  positionPlaceOf,
} from './event-beginning.ts';
import { headerSize, maxHeaderBytes, opcodes, unmask } from './frame-header.ts';

/** Receives what a {@link FrameWalker} finds. */
export interface FrameReceiver {
  /**
   * A control frame is complete; its payload is unmasked.
   *
   * @param end - where it ends in the chunk
   * @param size - how many bytes it has with its header; more than `end` if it began in an earlier chunk
   */
  onControl(opcode: number, payload: Buffer, end: number, size: number): void;
  /**
   * The payload of a data frame ends at `end` in the chunk. Only if the walker follows events.
   *
   * @param place - where its position may be; `undefined`: it has none
   */
  onDataEnd?(chunk: Buffer, end: number, place: PositionPlace | undefined): void;
}

/**
 * Walks the frames of one direction of a WebSocket without touching their payload: it reads headers, counts messages, and reports control frames.
 * Chunks may be cut anywhere (RFC 6455 section 5.2).
 *
 * A class, since a gateway has two of these for each tunnel, and fields take less memory than closures.
 */
export class FrameWalker {
  /** Data messages that began: one for each text or binary frame that is not a continuation. */
  messages = 0;
  /** Why the stream is not WebSocket, in words; nothing is walked from there on. `undefined`: it is, so far. */
  fault: string | undefined;

  /** Bytes of the current frame's payload that are still missing. */
  #left = 0;
  /** The first bytes of a header that was cut by the end of a chunk. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  /** The payload of the current control frame so far; absent in data frames. */
  #control: Buffer | undefined;
  #controlLength = 0;
  /** Opcode of the current frame. */
  #opcode = 0;
  #mask = 0;
  #masked = false;
  /** Bytes of the current frame so far, and of its header. */
  #frameBytes = 0;
  /** Whether the current message continues in another frame. */
  #fragmented = false;
  /** Binary messages that belong to the last text message, and are still missing. */
  #attachments = 0;
  /** Whether events are followed. */
  readonly #followsEvents: boolean;
  /** The beginning of a text message that continues in the next chunk. Created at the first such message: most connections have none. */
  #kept: Buffer | undefined = undefined;
  #beginningLength = beginningBytes;
  #beginningMask = 0;
  #isText = false;

  /** @param followsEvents - whether the end of each data frame is reported, and the ends of Socket.IO's events are looked for */
  constructor(followsEvents = false) {
    this.#followsEvents = followsEvents;
  }

  /**
   * How many bytes of the last chunk are before the last place between two events: within no frame, no message of several frames, and no event of
   * Socket.IO whose binary attachments are still missing. A stream that continues elsewhere has to begin at such a place. 0: the chunk has none.
   */
  wholeUntil = 0;

  /** Whether the stream is between two events. */
  get atEvent(): boolean {
    return this.atBoundary && !this.#fragmented && this.#attachments === 0;
  }

  /** Whether the stream is between two events, or within a control frame between two events. */
  get atEventButControl(): boolean {
    return !this.#fragmented && this.#attachments === 0 && (this.atBoundary || this.openControlBytes > 0);
  }

  /** Bytes at the end of the last chunks that are, or may be, the beginning of a control frame that is not complete. */
  get openControlBytes(): number {
    return this.#partialLength > 0 ? this.#partialLength : this.#control === undefined ? 0 : this.#frameBytes;
  }

  /** Whether the stream is between two frames. */
  get atBoundary(): boolean {
    return this.#left === 0 && this.#partialLength === 0;
  }

  /**
   * Walks the first `length` bytes of a chunk.
   *
   * @returns how many of them are before the last boundary between two frames; 0 if the chunk holds none
   */
  walk(chunk: Buffer, length: number, to: FrameReceiver): number {
    let at = 0;
    let boundary = 0;
    this.wholeUntil = 0;
    if (this.#isMidText && this.#kept !== undefined) beginning.set(this.#kept);
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
    if (this.#isMidText) this.#keep();
    return boundary;
  }

  /** Whether the end of a text message has not come. */
  get #isMidText(): boolean {
    return this.#isText && (this.#left > 0 || this.#fragmented);
  }

  #keep(): void {
    this.#kept ??= Buffer.allocUnsafeSlow(beginningBytes);
    this.#kept.set(beginning);
  }

  #walkPayload(chunk: Buffer, start: number, length: number, to: FrameReceiver): number {
    const take = Math.min(this.#left, length - start);
    const at = start + take;
    this.#frameBytes += take;
    if (this.#control !== undefined) this.#collect(chunk, start, take, to);
    else if (this.#beginningLength < beginningBytes) this.#begin(chunk, start, take);
    this.#left -= take;
    if (this.#left === 0 && this.#opcode < 8) this.#endFrame(chunk, at, to);
    return at;
  }

  /** Keeps the beginning of a text message, as long as that may be an event with attachments. */
  #begin(chunk: Buffer, at: number, take: number): void {
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

  /** A data frame is complete. */
  #endFrame(chunk: Buffer | undefined, at: number, to: FrameReceiver): void {
    if (!this.#followsEvents) return;
    if (this.#opcode === opcodes.text) this.#attachments = attachmentsOf(beginning, this.#beginningLength);
    else if (!this.#isText && !this.#fragmented && this.#attachments > 0) this.#attachments--;
    this.#beginningLength = beginningBytes;
    if (chunk !== undefined) to.onDataEnd?.(chunk, at, this.#isText ? positionPlaceOf(beginning) : undefined);
  }

  #completeHeader(chunk: Buffer, start: number, length: number, to: FrameReceiver): number {
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

  #readHeader(bytes: Buffer, at: number, to: FrameReceiver, end: number): void {
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
      if (this.#followsEvents && this.fault === undefined) this.#startFrame(bytes, at, end, to);
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

  #startFrame(bytes: Buffer, at: number, end: number, to: FrameReceiver): void {
    this.#fragmented = ((bytes[at] as number) & 0x80) === 0;
    if (this.#opcode !== opcodes.continuation) {
      this.#isText = this.#opcode === opcodes.text;
      if (this.#isText) {
        this.#beginningLength = 0;
        if (this.#masked) this.#beginningMask = bytes.readUInt32BE(at + headerSize(bytes, at, at + 2) - 4);
      }
    }
    // It has no payload that could end.
    if (this.#left === 0) this.#endFrame(undefined, end, to);
  }

  #collect(chunk: Buffer, at: number, take: number, to: FrameReceiver): void {
    const control = this.#control as Buffer;
    this.#controlLength += chunk.copy(control, this.#controlLength, at, at + take);
    if (this.#controlLength < control.length) return;
    this.#control = undefined;
    if (this.#masked) unmask(control, this.#mask);
    to.onControl(this.#opcode, control, at + take, this.#frameBytes);
  }
}

const empty = Buffer.alloc(0);

/** The beginning of the text message that is being walked, of whichever walker that is: one walks a chunk to its end before another does. */
const beginning = Buffer.alloc(beginningBytes);
