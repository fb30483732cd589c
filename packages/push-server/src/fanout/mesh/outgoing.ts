import type { Socket } from 'node:net';
import { BucketSet, bucketCount } from '../bus/room-buckets.ts';
import { createFrameReader, maxFrameBytes, writeFrame } from './peer-frames.ts';
import { back, type DropCause, forward, greetingOf, type MeshTimes, sendWithin } from './peer-protocol.ts';

/** Most that may wait for one peer, in bytes; one that is so far behind is let go and met anew. */
const maxQueuedBytes = maxFrameBytes + 1_024;

/** What a connection tells its mesh. */
export interface OutgoingEvents {
  /** Whether messages may have been lost before this connection. */
  hasLost(): boolean;
  /** From now on the peer gets what it wants. */
  onOpen(): void;
  onDrop(cause: DropCause): void;
}

/**
 * A connection that this node has dialled, on which its messages go to one peer. Nothing is queued before the peer has answered the
 * greeting: a process that is stopped or hangs accepts connections as well.
 */
export class Outgoing {
  readonly #socket: Socket;
  readonly #events: OutgoingEvents;
  readonly #times: MeshTimes;
  /** What the peer follows; `undefined` before it has said so. */
  #wanted: BucketSet | undefined;
  #heardAt = 0;
  /** How many beats of ours have passed since the one that is not answered. */
  #unanswered = 0;
  #isBeating = false;

  constructor(socket: Socket, node: string, times: MeshTimes, events: OutgoingEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#times = times;
    const read = createFrameReader((kind, payload) => this.#receive(kind, payload));
    socket.on('data', (chunk) => {
      if (!read(chunk)) this.drop('malformed');
    });
    socket.on('error', () => {});
    socket.write(writeFrame(forward.hello, greetingOf(node)));
  }

  /** Whether the peer has answered, however the connection is now. */
  get wasOpen(): boolean {
    return this.#wanted !== undefined;
  }

  get isOpen(): boolean {
    return this.wasOpen && !this.#socket.destroyed;
  }

  /** Whether the peer is to get what belongs to a bucket: it follows it, or has not been heard for so long that it may by now. */
  wants(bucket: number, now: number): boolean {
    if (!this.isOpen) return false;
    return now - this.#heardAt > this.#times.stale || this.#wanted?.has(bucket) === true;
  }

  send(frame: Buffer): void {
    if (this.isOpen && !sendWithin(this.#socket, frame, maxQueuedBytes)) this.drop('behind');
  }

  /** Asks for a sign of life. In beats of this node, not by a clock: what it has slept itself is nobody's silence. */
  beat(): void {
    if (this.#socket.destroyed) return;
    if (++this.#unanswered * this.#times.beat > this.#times.silence) {
      this.drop('silent');
    } else if (this.isOpen && !this.#isBeating) {
      this.#isBeating = true;
      this.send(writeFrame(forward.beat));
    }
  }

  drop(cause: DropCause): void {
    if (this.#socket.destroyed) return;
    this.#events.onDrop(cause);
    this.#socket.destroy();
  }

  #receive(kind: number, payload: Buffer): void {
    if (this.#socket.destroyed) return;
    this.#heardAt = performance.now();
    if (kind === back.beat) {
      this.#unanswered = 0;
      this.#isBeating = false;
    } else if (kind === back.welcome && payload.length === bucketCount / 8) {
      this.#unanswered = 0;
      this.#wanted = new BucketSet(Buffer.from(payload));
      this.send(writeFrame(forward.open, Buffer.from([this.#events.hasLost() ? 1 : 0])));
      this.#events.onOpen();
    } else if (kind === back.follow && payload.length === 4) {
      this.#wanted?.add(payload.readUInt32BE() % bucketCount);
      this.send(writeFrame(forward.followed));
    } else if (kind === back.unfollow && payload.length === 4) {
      this.#wanted?.delete(payload.readUInt32BE() % bucketCount);
    } else {
      this.drop('malformed');
    }
  }
}
