import { GrowingBytes } from '../wire/growing-bytes.ts';

/**
 * Keeps the client's bytes that the next target needs, and decides where to stop reading from the client. A pure state
 * machine: it gets each chunk, with the places where frames and events end in it, and returns how much of the chunk
 * goes to the target.
 *
 * - `reading`: everything goes to the target. An incomplete event is kept, so that it can be replayed to the next target from its beginning.
 * - `stopping`: the client is stopped at the next place where that is possible.
 * - `stopped`: later bytes wait for the target that continues, the same or another one.
 */
export class HalfSentEvent {
  /** Longest incomplete event that is kept, in bytes. */
  readonly #limitBytes: number;
  #state: 'reading' | 'stopping' | 'stopped' = 'reading';
  /** Bytes of the incomplete event that the target already has. */
  #open: GrowingBytes | undefined;
  /** Whether that event is longer than the limit: it is not kept. */
  #isTooLong = false;
  /** Bytes that no target has received. */
  #waiting: Buffer | undefined;
  /** How many of these bytes are before the last place between two events. */
  #waitingWhole = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isStopped(): boolean {
    return this.#state === 'stopped';
  }

  /** Whether the client is stopped, or will be as soon as possible. */
  get isStopping(): boolean {
    return this.#state !== 'reading';
  }

  /** Whether everything that the next target needs was kept. */
  get isComplete(): boolean {
    return !this.#isTooLong;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return (this.#open?.length ?? 0) + (this.#waiting?.length ?? 0);
  }

  /**
   * The target asks for the client to be stopped: now if possible, otherwise within one of the next chunks.
   *
   * @param atBoundary - whether the client is between two frames
   * @param atEvent - whether it is between two events
   */
  stop(atBoundary: boolean, atEvent: boolean): void {
    if (this.#state === 'stopped' || atEvent || (atBoundary && !this.#isTooLong)) this.#state = 'stopped';
    else this.#state = 'stopping';
  }

  /** The target is gone: the client is stopped wherever it is. */
  stopNow(): void {
    this.#state = 'stopped';
  }

  /**
   * Takes a chunk of the client, which is valid only during the call.
   *
   * @param boundary - bytes before the last boundary between two frames; 0: there is none in the chunk
   * @param whole - bytes before the last place between two events; 0: there is none in the chunk
   * @returns how many bytes go to the target now. The rest waits, and the client is stopped.
   */
  take(chunk: Buffer, length: number, boundary: number, whole: number): number {
    if (this.#state === 'stopped') {
      this.#wait(chunk, length, whole);
      return 0;
    }
    const until = this.#state === 'stopping' ? this.#stopAt(boundary, whole) : 0;
    const passed = until > 0 ? until : length;
    if (whole === passed) {
      this.#open = undefined;
      this.#isTooLong = false;
    } else this.#keep(chunk.subarray(whole, passed), whole > 0);
    if (until === 0) return length;
    this.#state = 'stopped';
    if (until < length) this.#wait(chunk.subarray(until, length), length - until, 0);
    return until;
  }

  /**
   * A target continues, and the client is read again.
   *
   * @param isNew - whether it is another target, which needs an event from its beginning
   * @returns the bytes that the target has to be given first, in order
   */
  release(isNew: boolean): readonly Buffer[] {
    this.#state = 'reading';
    const open = this.#open?.bytes ?? noBytes;
    const waiting = this.#waiting ?? noBytes;
    // If this target dies as well, the next one needs only the incomplete event.
    const rest = this.#waitingWhole > 0 ? waiting.subarray(this.#waitingWhole) : Buffer.concat([open, waiting]);
    this.#open = rest.length === 0 ? undefined : new GrowingBytes(rest);
    this.#waiting = undefined;
    this.#waitingWhole = 0;
    return (isNew ? [open, waiting] : [waiting]).filter(({ length }) => length > 0);
  }

  /**
   * Where in a chunk the client can be stopped: between two events, or between two frames of an event that the next target can be given from its
   * beginning. 0: nowhere, since the agent can tell the target only between two frames.
   */
  #stopAt(boundary: number, whole: number): number {
    if (whole > 0 || this.#isTooLong) return whole;
    return (this.#open?.length ?? 0) + boundary <= this.#limitBytes ? boundary : 0;
  }

  #wait(chunk: Buffer, length: number, whole: number): void {
    const before = this.#waiting ?? noBytes;
    if (whole > 0) this.#waitingWhole = before.length + whole;
    this.#waiting = Buffer.concat([before, chunk.subarray(0, length)]);
  }

  #keep(rest: Buffer, isNewEvent: boolean): void {
    const before = isNewEvent ? undefined : this.#open;
    if (isNewEvent) this.#isTooLong = false;
    if (this.#isTooLong || (before?.length ?? 0) + rest.length > this.#limitBytes) {
      this.#isTooLong = true;
      this.#open = undefined;
    } else if (before === undefined) this.#open = new GrowingBytes(Buffer.from(rest));
    else before.add(rest);
  }
}

const noBytes = Buffer.alloc(0);
