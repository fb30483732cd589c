import type { Socket } from 'node:net';
import { readRest } from '../system/read-rest.ts';
import { silent } from './deadlines.ts';
import { FrameReader, writeFrame } from './frame-reader.ts';
import { maxQueuedBytes } from './limits.ts';
import { messageTypes } from './message-types.ts';

/** Takes the messages of a channel, and its end. */
export interface ChannelOwner {
  /** A message has come. The payload is valid only during the call. @returns `false`: it breaks the protocol */
  onMessage(type: number, id: number, payload: Buffer): boolean;
  /** The channel is gone. Called once. */
  onGone(reason: string): void;
}

/** Work at the end of a turn of the event loop. @returns `'again'`: call it at the end of the next turn as well */
export type LastWork = () => 'again' | 'done';

const { ping, pong } = messageTypes;

/** How long the last messages may take, in milliseconds. */
const lastMessagesMs = 2_000;

/** One connection between a giver and a taker, for messages. */
export class Channel {
  readonly #socket: Socket;
  readonly #owner: ChannelOwner;
  readonly #frames = new FrameReader();
  /** Ticks of {@link beat} since something was heard. */
  #silentTicks = 0;
  #isCorked = false;
  /** Whether {@link Channel.#endTurn} is called at the end of this turn of the event loop. */
  #endsTurn = false;
  #lastWork: LastWork | undefined = undefined;
  #isGone = false;
  /** Whether a write has failed. */
  #isBroken = false;

  constructor(socket: Socket, owner: ChannelOwner) {
    this.#socket = socket;
    this.#owner = owner;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.end(error.message));
    socket.on('close', () => this.end('it closed the channel'));
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Calls of {@link beat} since something was heard. A channel that is gone keeps its last count. */
  get silentTicks(): number {
    return this.#silentTicks;
  }

  /** Whether more bytes wait than a working peer ever leaves unread. */
  get isFull(): boolean {
    return this.#socket.writableLength > maxQueuedBytes;
  }

  send(type: number, id: number, ...parts: readonly Buffer[]): void {
    if (this.#isGone) return;
    // All messages of a turn of the event loop leave in one write: each write wakes the other side.
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      this.#endTurnSoon();
    }
    this.#socket.write(writeFrame(type, id, ...parts), this.#onWritten);
  }

  /**
   * Runs some work that sends more, at the end of this turn of the event loop: its messages leave in the same write
   * as the others of the turn. A later call replaces the work, which must not throw.
   */
  sendLast(work: LastWork): void {
    this.#lastWork = work;
    this.#endTurnSoon();
  }

  /**
   * To be called once a second. Counting calls rather than time forgives a pause of this process itself: after one, the first call is followed by
   * reading.
   *
   * @param most - how many seconds of silence end the channel
   */
  beat(most: number): void {
    if (this.#isGone) return;
    this.#silentTicks++;
    if (this.#silentTicks > most) this.end(silent);
    else if (this.isFull) this.end('it does not read');
    else if (this.#silentTicks > 1 && this.#socket.writableLength === 0) this.send(ping, 0);
  }

  /** Closes the channel; what was sent is still written if the other side reads. */
  end(reason: string): void {
    if (this.#isGone) return;
    this.flush();
    this.#isGone = true;
    // A peer that does not read would keep it open.
    if (reason === silent || this.#socket.writableLength === 0) this.#socket.destroy();
    else {
      this.#socket.destroySoon();
      setTimeout(() => this.#socket.destroy(), lastMessagesMs).unref();
    }
    this.#owner.onGone(reason);
  }

  /** The peer is gone, and may have sent something before, such as that it accepts. */
  readonly #onWritten = (error?: Error | null): void => {
    if (!error || this.#isBroken || this.#isGone) return;
    this.#isBroken = true;
    const rest = readRest(this.#socket);
    if (rest.length > 0) this.#read(rest);
  };

  #endTurnSoon(): void {
    if (this.#endsTurn) return;
    this.#endsTurn = true;
    setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    const work = this.#lastWork;
    this.#lastWork = undefined;
    const state = work?.();
    this.#endsTurn = false;
    this.flush();
    if (work !== undefined && state === 'again') this.sendLast(work);
  };

  /** Writes at once what was sent in this turn of the event loop. */
  flush(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
  }

  #read(chunk: Buffer): void {
    this.#silentTicks = 0;
    const isValid = this.#frames.read(chunk, (type, id, payload) => this.#take(type, id, payload));
    if (!isValid) this.end('it sent a frame that is too large');
  }

  #take(type: number, id: number, payload: Buffer): void {
    if (this.#isGone || type === pong) return;
    if (type === ping) this.send(pong, 0);
    else if (!this.#owner.onMessage(type, id, payload)) this.end(`it sent message ${type} wrongly`);
  }
}
