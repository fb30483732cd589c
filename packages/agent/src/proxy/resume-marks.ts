import { incompleteMarks, readMark } from '@gopush/contract';

/** How many rooms of one tunnel are followed. */
const maxRooms = 64;

/** Longest mark, in bytes: an epoch of 64 characters, a dot, an offset of 15 digits, `~`. */
const maxMarkBytes = 81;

const quote = 0x22;
const closingBracket = 0x5d;
const closingBrace = 0x7d;

/**
 * The last kept message of each room that went out through a tunnel, as told by the marks at the end of such messages
 * (`["event",…,"<epoch>.<offset>~"]`, docs/protocol.md), or of the answer to a CONNECT (`{…,"mark":"<epoch>.<offset>~"}`). After a crash of the target nobody else knows what its client was given.
 */
export class ResumeMarks {
  readonly #marks = new Map<string, string>();
  /** The end of a payload that was cut by the end of a chunk. */
  #cut: Buffer | undefined;
  /** Whether there were more rooms than are followed. */
  overflowed = false;

  /** A data frame's payload ends at `end` in the chunk. */
  read(chunk: Buffer, end: number, isText: boolean): void {
    const cut = this.#cut;
    if (cut === undefined) {
      // Nearly all: most frames are whole, and most have no mark.
      if (isText && chunk[end - 2] === quote) this.#look(chunk, end);
      return;
    }
    this.#cut = undefined;
    if (!isText) return;
    if (end >= maxMarkBytes + 4) this.#look(chunk, end);
    else {
      const joined = Buffer.concat([cut, chunk.subarray(0, end)]);
      this.#look(joined, joined.length);
    }
  }

  /** A chunk ends within a frame: its mark may be cut. */
  keepCut(chunk: Buffer, length: number): void {
    const fresh = chunk.subarray(Math.max(0, length - maxMarkBytes - 4), length);
    this.#cut =
      this.#cut === undefined || fresh.length > maxMarkBytes ? Buffer.from(fresh) : Buffer.concat([this.#cut, fresh]);
  }

  /** All marks, as the header of a resuming request wants them. */
  write(): string {
    return [...this.#marks.values(), ...(this.overflowed ? [incompleteMarks] : [])].join(',');
  }

  #look(bytes: Buffer, end: number): void {
    const last = bytes[end - 1];
    if ((last !== closingBracket && last !== closingBrace) || bytes[end - 2] !== quote || bytes[end - 3] !== 0x7e)
      return;
    const least = Math.max(0, end - 3 - maxMarkBytes);
    let start = end - 3;
    while (start > least && bytes[start - 1] !== quote) start--;
    const mark = bytes.toString('latin1', start, end - 2);
    // What a target passes on of a client's may end in the same way, and a mark goes into the header of a request.
    const epoch = readMark(mark)?.epoch;
    if (epoch === undefined || start === least) return;
    if (this.#marks.size >= maxRooms && !this.#marks.has(epoch)) this.overflowed = true;
    else this.#marks.set(epoch, mark);
  }
}
