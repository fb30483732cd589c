import { events, incompletePositions, maxPositionBytes, numberOfEpoch, readPosition } from '@gopush/contract';
import type { PositionPlace } from '../tunnel/event-beginning.ts';

/** How many rooms of one client are followed. */
const maxRooms = 64;

/** What is before the position in an event of its own. Text that a client wrote has its quotes escaped. */
const ownEvent = `["${events.mark}",`;

/** How much of the end of a payload may be needed to read a position, in bytes. */
const tailBytes = maxPositionBytes + 4 + ownEvent.length;

const quote = 0x22;
const tilde = 0x7e;
const closingBracket = 0x5d;
const closingBrace = 0x7d;

/**
 * Which kept message a client was given last in each room, read off the positions at the end of such messages (`["event",…,"<epoch>.<offset>~"]`,
 * docs/protocol.md) and of responses to CONNECT (`{…,"mark":"<epoch>.<offset>~"}`). After a crash of the target only the agent knows this.
 */
export class GivenPositions {
  /** By epoch, as text; those that are known by the number of their epoch alone, by `#` and the number. */
  readonly #positions = new FewPositions();
  /** The end of a payload that was cut by the end of a chunk. */
  #cut: Buffer | undefined;
  /** Whether there were more rooms than are followed. */
  #isIncomplete = false;

  /** The payload of a data frame ends at `end` in the chunk. */
  read(chunk: Buffer, end: number, place: PositionPlace | undefined): void {
    const cut = this.#cut;
    if (cut === undefined) {
      // Most frames are complete, and have no position.
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

  /** A chunk ends within a data frame: so may a position. */
  keepCut(chunk: Buffer, length: number): void {
    const fresh = chunk.subarray(Math.max(0, length - tailBytes), length);
    this.#cut =
      this.#cut === undefined || fresh.length >= tailBytes
        ? Buffer.from(fresh)
        : Buffer.concat([this.#cut, fresh]).subarray(-tailBytes);
  }

  /** Adds positions that the client was given before, as {@link write} wrote them. Those that are known are newer. */
  add(written: string): void {
    if (written === '') return;
    const numbers = new Set([...this.#positions.all()].map(([epoch]) => numberOf(epoch)));
    for (const text of written.split(',')) {
      const epoch = readPosition(text)?.epoch ?? text.slice(0, text.indexOf('.'));
      if (text === incompletePositions) this.#isIncomplete = true;
      else if (!numbers.has(numberOf(epoch))) this.#keep(epoch, text);
    }
  }

  /** All of them, as the header of a request to take the session has them; empty if there are none. */
  write(): string {
    const texts = [...this.#positions.all()].map(([, text]) => text);
    return [...texts, ...(this.#isIncomplete ? [incompletePositions] : [])].join(',');
  }

  #look(bytes: Buffer, end: number, place: PositionPlace): void {
    const last = bytes[end - 1];
    if (last !== closingBracket && last !== closingBrace) return;
    if (bytes[end - 2] !== quote || bytes[end - 3] !== tilde) return;
    const least = Math.max(0, end - 3 - maxPositionBytes);
    let start = end - 3;
    while (start > least && bytes[start - 1] !== quote) start--;
    if (place === 'own event' && !isOwnEvent(bytes, start)) return;
    const text = bytes.toString('latin1', start, end - 2);
    // Text of a client that the target relays may end in the same way, and this goes into a header.
    const epoch = readPosition(text)?.epoch;
    if (epoch === undefined || start === least) return;
    this.#keep(epoch, text);
  }

  #keep(epoch: string, text: string): void {
    if (!this.#positions.set(epoch, text)) this.#isIncomplete = true;
  }
}

/** Positions by their epochs. The first one takes no map: most clients of Socket.IO have one, that of the response to their CONNECT. */
class FewPositions {
  #epoch: string | undefined = undefined;
  #text = '';
  #others: Map<string, string> | undefined = undefined;

  *all(): Generator<readonly [epoch: string, text: string]> {
    if (this.#epoch !== undefined) yield [this.#epoch, this.#text];
    yield* this.#others ?? [];
  }

  /** @returns whether there was room for it */
  set(epoch: string, text: string): boolean {
    if (this.#epoch === undefined || this.#epoch === epoch) {
      this.#epoch = epoch;
      this.#text = text;
      return true;
    }
    this.#others ??= new Map();
    if (this.#others.size >= maxRooms - 1 && !this.#others.has(epoch)) return false;
    this.#others.set(epoch, text);
    return true;
  }
}

/** The number of an epoch, or of one of which the number alone is known. */
function numberOf(epoch: string): number {
  return epoch.startsWith('#') ? Number(epoch.slice(1)) : numberOfEpoch(epoch);
}

/** Whether a position that begins at `start` stands in the event that is for positions. */
function isOwnEvent(bytes: Buffer, start: number): boolean {
  return bytes.toString('latin1', Math.max(0, start - 1 - ownEvent.length), start - 1) === ownEvent;
}
