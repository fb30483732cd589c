import { events, incompletePositions, readPosition } from '@gopush/contract';
import type { MarkPlace } from '../tunnel/frame-walker.ts';

/** How many rooms of one tunnel are followed. */
const maxRooms = 64;

/** Longest mark, in bytes: an epoch of 64 characters, a dot, an offset of 15 digits, `~`. */
const maxMarkBytes = 81;

/** What is before the mark in an event of its own. What a client writes within a text has its quotes escaped. */
const ownEvent = `["${events.mark}",`;

/** How much of the end of a payload a mark may need, in bytes. */
const tailBytes = maxMarkBytes + 4 + ownEvent.length;

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
  read(chunk: Buffer, end: number, place: MarkPlace | undefined): void {
    const cut = this.#cut;
    if (cut === undefined) {
      // Nearly all: most frames are whole, and most have no mark.
      if (place !== undefined && chunk[end - 2] === quote) this.#look(chunk, end, place);
      return;
    }
    this.#cut = undefined;
    if (place === undefined) return;
    if (end >= tailBytes) this.#look(chunk, end, place);
    else {
      const joined = Buffer.concat([cut, chunk.subarray(0, end)]);
      this.#look(joined, joined.length, place);
    }
  }

  /** A chunk ends within a frame: its mark may be cut. */
  keepCut(chunk: Buffer, length: number): void {
    const fresh = chunk.subarray(Math.max(0, length - tailBytes), length);
    this.#cut =
      this.#cut === undefined || fresh.length >= tailBytes
        ? Buffer.from(fresh)
        : Buffer.concat([this.#cut, fresh]).subarray(-tailBytes);
  }

  /** All marks, as the header of a resuming request wants them. */
  write(): string {
    return [...this.#marks.values(), ...(this.overflowed ? [incompletePositions] : [])].join(',');
  }

  #look(bytes: Buffer, end: number, place: MarkPlace): void {
    const last = bytes[end - 1];
    if ((last !== closingBracket && last !== closingBrace) || bytes[end - 2] !== quote || bytes[end - 3] !== 0x7e)
      return;
    const least = Math.max(0, end - 3 - maxMarkBytes);
    let start = end - 3;
    while (start > least && bytes[start - 1] !== quote) start--;
    if (
      place === 'own event' &&
      bytes.toString('latin1', Math.max(0, start - 1 - ownEvent.length), start - 1) !== ownEvent
    )
      return;
    const mark = bytes.toString('latin1', start, end - 2);
    // What a target passes on of a client's may end in the same way, and a mark goes into the header of a request.
    const epoch = readPosition(mark)?.epoch;
    if (epoch === undefined || start === least) return;
    if (this.#marks.size >= maxRooms && !this.#marks.has(epoch)) this.overflowed = true;
    else this.#marks.set(epoch, mark);
  }
}
