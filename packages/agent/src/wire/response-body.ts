import { continuesField, joinField, readField, tightenField } from './field.ts';
import type { BodyFraming } from './response-head.ts';

/** Takes content of a response's body; the view is valid only during the call. */
type OnContent = (content: Buffer) => void;

/** Reads the body of one response. */
export interface ResponseBody {
  /**
   * Takes the next bytes of the connection.
   *
   * @returns how many belong to this response; fewer than were given only at its end
   */
  read(bytes: Buffer, onContent: OnContent): number;
  readonly done: boolean;
  /** Whether the end of the connection is the end of the body. */
  readonly endsWithConnection: boolean;
  /** The fault of the body; `undefined`: none so far. */
  readonly fault: string | undefined;
  /** Whether only lenient recipients accept how it is written, so that the connection should not be used for another response. */
  readonly isLoose: boolean;
  /** Names and values in turn, complete when it is done. */
  readonly trailers: readonly string[];
}

/** Makes a reader for a body of this framing. */
export function createResponseBody(framing: BodyFraming): ResponseBody {
  switch (framing.kind) {
    case 'none':
      return new LengthBody(0);
    case 'length':
      return new LengthBody(framing.length);
    case 'close':
      return new LengthBody(Number.POSITIVE_INFINITY);
    case 'chunked':
      return new ChunkedBody();
  }
}

const noTrailers: readonly string[] = [];

/** A body whose length is known, or that ends with its connection. */
class LengthBody implements ResponseBody {
  readonly endsWithConnection: boolean;
  readonly fault = undefined;
  readonly isLoose = false;
  readonly trailers = noTrailers;
  #left: number;

  constructor(length: number) {
    this.endsWithConnection = length === Number.POSITIVE_INFINITY;
    this.#left = length;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  read(bytes: Buffer, onContent: OnContent): number {
    const take = Math.min(this.#left, bytes.length);
    this.#left -= take;
    if (take > 0) onContent(take === bytes.length ? bytes : bytes.subarray(0, take));
    return take;
  }
}

/** Longest line of a chunk's size with its extensions, and longest trailers together, in bytes. */
const maxLineBytes = 16 * 1024;

/**
 * Chunked transfer coding (RFC 9112 section 7.1). As curl does, it accepts lines that end with a bare LF (section 2.2),
 * and trailers as lenient as heads.
 */
class ChunkedBody implements ResponseBody {
  readonly endsWithConnection = false;
  readonly trailers: string[] = [];
  done = false;
  isLoose = false;
  fault: string | undefined;
  #state: 'size' | 'data' | 'data end' | 'trailer' = 'size';
  #left = 0;
  #line = '';
  #trailerBytes = 0;
  /** The last line of the trailers so far. */
  #trailer: string | undefined;

  read(bytes: Buffer, onContent: OnContent): number {
    let at = 0;
    while (at < bytes.length && !this.done && this.fault === undefined) {
      if (this.#state === 'data') {
        const take = Math.min(this.#left, bytes.length - at);
        onContent(bytes.subarray(at, at + take));
        at += take;
        this.#left -= take;
        if (this.#left === 0) this.#state = 'data end';
      } else {
        at = this.#readLine(bytes, at);
      }
    }
    return at;
  }

  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(0x0a, at);
    this.#line += bytes.toString('latin1', at, end === -1 ? bytes.length : end + 1);
    if (this.#line.length > maxLineBytes) this.fault = 'a line of its chunked body is too long';
    if (end === -1) return bytes.length;
    const line = this.#line;
    this.#line = '';
    const isStrict = line.endsWith('\r\n');
    if (!isStrict) this.isLoose = true;
    this.#takeLine(line.slice(0, isStrict ? -2 : -1));
    return end + 1;
  }

  #takeLine(line: string): void {
    if (this.#state === 'data end') {
      if (line !== '') this.fault = 'a chunk is longer than its size';
      this.#state = 'size';
    } else if (this.#state === 'size') {
      const size = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;.*)?$/.exec(line)?.[1];
      if (size === undefined) this.fault = 'the size of a chunk is malformed';
      this.#left = Number.parseInt(size ?? '0', 16);
      this.#state = this.#left === 0 ? 'trailer' : 'data';
    } else {
      this.#takeTrailer(line);
    }
  }

  /** Takes a line of the trailers. Each line is read once the next one is there, which may continue it. */
  #takeTrailer(line: string): void {
    this.#trailerBytes += line.length;
    if (this.#trailerBytes > maxLineBytes) {
      this.fault = 'its trailers are too long';
      return;
    }
    const before = this.#trailer;
    if (before !== undefined && continuesField(line)) {
      this.isLoose = true;
      this.#trailer = joinField(before, line);
      return;
    }
    if (before !== undefined) {
      const tight = tightenField(before);
      if (tight !== before) this.isLoose = true;
      if (readField(tight, this.trailers) !== undefined) this.fault = 'its trailers are malformed';
    }
    this.#trailer = line;
    if (line === '' && this.fault === undefined) this.done = true;
  }
}
