import type { Socket } from 'node:net';
import { createFrameReader, maxFrameBytes, writeFrame, writeNumbers } from './peer-frames.ts';
import {
  back,
  type DropCause,
  forward,
  type MeshTimes,
  maxGreetingBytes,
  readGreeting,
  sendWithin,
} from './peer-protocol.ts';

/** Most bytes about followed buckets that may wait to be read by a peer. */
const maxQueuedBytes = 4 * 1024 * 1024;

/** Events of a connection, for its mesh. */
export interface IncomingEvents {
  /** Which buckets this node follows, as bits. */
  followed(): Buffer;
  /** The peer has sent its name. */
  onGreeting(peer: string): void;
  /** All messages of the peer arrive from now on. @param lost - whether earlier ones may have been lost */
  onOpen(lost: boolean): void;
  onMessage(payload: Buffer): void;
  onDrop(cause: DropCause): void;
  onClose(incoming: Incoming): void;
}

/** A connection that a peer has dialled, on which it sends its messages. On the same connection, this node sends the buckets that it follows. */
export class Incoming {
  /** Name of the peer, once it has greeted. */
  peer: string | undefined;
  isOpen = false;
  readonly #socket: Socket;
  readonly #events: IncomingEvents;
  readonly #times: MeshTimes;
  /** The buckets that were sent to the peer and that it has not confirmed, in order. */
  readonly #untold: { readonly at: number; readonly onKnown: () => void }[] = [];
  /** How many beats of this node have passed since the peer sent something. */
  #silent = 0;

  constructor(socket: Socket, times: MeshTimes, events: IncomingEvents) {
    this.#socket = socket;
    this.#times = times;
    this.#events = events;
    const read = createFrameReader(
      (kind, payload) => this.#receive(kind, payload),
      () => (this.peer === undefined ? maxGreetingBytes : maxFrameBytes),
    );
    const noGreeting = setTimeout(() => {
      if (this.peer === undefined) this.drop('no greeting');
    }, times.greeting);
    socket.on('data', (chunk) => {
      if (!socket.destroyed && !read(chunk)) this.drop('malformed');
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(noGreeting);
      events.onClose(this);
      for (const { onKnown } of this.#untold.splice(0)) onKnown();
    });
  }

  /** Whether the peer has not confirmed a bucket for too long to be waited for. By {@link MeshTimes} it sends everything when it continues. */
  isOverdue(now: number): boolean {
    const [first] = this.#untold;
    return first !== undefined && now - first.at >= this.#times.follow;
  }

  /** @param onKnown - called when the peer knows it, or is gone */
  follow(bucket: number, onKnown: () => void): void {
    this.#untold.push({ at: performance.now(), onKnown });
    this.#send(writeNumbers(back.follow, bucket));
  }

  unfollow(bucket: number): void {
    this.#send(writeNumbers(back.unfollow, bucket));
  }

  beat(): void {
    if (this.peer !== undefined && ++this.#silent * this.#times.beat > this.#times.silence) this.drop('silent');
  }

  drop(cause: DropCause): void {
    if (this.#socket.destroyed) return;
    this.#events.onDrop(cause);
    this.#socket.destroy();
  }

  /** Ends it without counting a drop: the peer is met on another connection, or this node stops. */
  end(): void {
    this.#socket.destroy();
  }

  #send(frame: Buffer): void {
    if (!this.#socket.destroyed && !sendWithin(this.#socket, frame, maxQueuedBytes)) this.drop('behind');
  }

  #receive(kind: number, payload: Buffer): void {
    // What comes from a connection after its end may be older than what comes on the next one.
    if (this.#socket.destroyed) return;
    this.#silent = 0;
    if (this.peer === undefined) {
      this.#greet(kind, payload);
      return;
    }
    switch (kind) {
      case forward.message:
        this.#events.onMessage(payload);
        return;
      case forward.beat:
        this.#send(writeFrame(back.beat));
        return;
      case forward.followed:
        this.#untold.shift()?.onKnown();
        return;
      case forward.open:
        this.isOpen = true;
        this.#events.onOpen(payload[0] !== 0);
        return;
      default:
        this.drop('malformed');
    }
  }

  #greet(kind: number, payload: Buffer): void {
    this.peer = kind === forward.hello ? readGreeting(payload) : undefined;
    if (this.peer === undefined) {
      this.drop('malformed');
      return;
    }
    this.#events.onGreeting(this.peer);
    this.#send(writeFrame(back.welcome, this.#events.followed()));
  }
}
