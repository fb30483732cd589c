import type { Socket } from 'node:net';
import { BucketSet, bucketCount } from '../bus/room-buckets.ts';
import { createFrameReader, maxFrameBytes, writeFrame } from './peer-frames.ts';
import { back, type DropCause, forward, greetingOf, type MeshTimes, sendWithin } from './peer-protocol.ts';

/** Most bytes that may wait for one peer. A peer that is further behind is disconnected, and met again. */
const maxQueuedBytes = maxFrameBytes + 1_024;

/** Events of a connection, for its mesh. */
export interface OutgoingEvents {
  /** Whether messages may have been lost before this connection. */
  hasLost(): boolean;
  /** From now on the peer gets the messages of the buckets that it follows. */
  onOpen(): void;
  onDrop(cause: DropCause): void;
}

/**
 * A connection that this node has dialled, on which it sends its messages to one peer. Nothing is queued before the peer has responded to the
 * greeting: the system accepts connections for a process that is stopped or hangs as well.
 */
export class Outgoing {
  readonly #socket: Socket;
  readonly #events: OutgoingEvents;
  readonly #times: MeshTimes;
  /** The buckets that the peer follows; `undefined` before it has responded to the greeting. */
  #wanted: BucketSet | undefined;
  #heardAt = 0;
  /** How many beats of this node have passed since the first one without a response. */
  #unheardBeats = 0;
  #isBeating = false;
  #isHeld = false;

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

  /** Whether the peer has responded to the greeting, even if the connection has ended since. */
  get wasOpen(): boolean {
    return this.#wanted !== undefined;
  }

  get isOpen(): boolean {
    return this.wasOpen && !this.#socket.destroyed;
  }

  /** Whether the peer gets the messages of a bucket: it follows the bucket, or has sent nothing for so long that it may follow it by now. */
  wants(bucket: number, now: number): boolean {
    if (!this.isOpen) return false;
    return now - this.#heardAt > this.#times.stale || this.#wanted?.has(bucket) === true;
  }

  send(frame: Buffer): void {
    if (this.isOpen && !sendWithin(this.#socket, frame, maxQueuedBytes)) this.drop('behind');
  }

  /**
   * Sends a message of a room. Those that are published together leave in one write: a commit of the store lets many go on at once, and each write
   * costs more than the rest of publishing. They have left before the promises of those that published them are settled. An event of a program has no
   * promise, so it is written at once: what the program sends to its clients behind it must not arrive earlier.
   */
  sendTogether(frame: Buffer): void {
    this.#hold();
    this.send(frame);
  }

  /**
   * Asks for a sign of life. Time is counted in beats of this node, not by a clock, so that a pause of this node is not
   * taken for silence of a peer.
   */
  beat(): void {
    if (this.#socket.destroyed) return;
    if (++this.#unheardBeats * this.#times.beat > this.#times.silence) {
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

  /** Holds back what is written until the microtasks that are queued now have run. */
  #hold(): void {
    if (this.#isHeld || !this.isOpen) return;
    this.#isHeld = true;
    this.#socket.cork();
    queueMicrotask(() => {
      this.#isHeld = false;
      this.#socket.uncork();
    });
  }

  #receive(kind: number, payload: Buffer): void {
    if (this.#socket.destroyed) return;
    this.#heardAt = performance.now();
    if (kind === back.beat) {
      this.#unheardBeats = 0;
      this.#isBeating = false;
    } else if (kind === back.welcome && payload.length === bucketCount / 8) {
      this.#unheardBeats = 0;
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
