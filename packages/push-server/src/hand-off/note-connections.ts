import type { Socket } from 'node:net';
import { numberOfEpoch, readPosition } from '@gopush/contract';
import type { TakenConnection } from '@gopush/hand-off';
import {
  type EngineConnection,
  engineOf,
  type StreamNotes,
  type WebSocketInternals,
  webSocketOf,
} from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';
import { takenConnectionOf } from './joined-connection.ts';
import { noteBeforeHandling } from './note-before-handling.ts';
import { noteHalfSentEvent } from './note-half-sent-event.ts';
import { positionOfFrame } from './position-of-frame.ts';

/** Where a frame that is written to many clients keeps its mark. */
const ofFrame = Symbol('mark');

/** A position with which a frame ends. */
interface Mark {
  readonly stream: number;
  readonly offset: number;
}
type Frame = Buffer & { [ofFrame]?: Mark };

const noMarks: readonly Mark[] = [];

/** Most marks of other streams that can be noted before a write. */
const mostAhead = 60;

/** Where a socket keeps its notes. */
const ofSocket = Symbol('notes');
type Noted = Socket & { [ofSocket]?: ConnectionNotes };

/** Whether a packet of a connection is not complete, as its attachments are to come. */
type IsMidEvent = (conn: EngineConnection) => boolean;

/** Notes for the WebSocket of a connection that was handed over, which has just been accepted. */
export function notesFor(webSocket: WebSocketInternals): StreamNotes | undefined {
  const socket: Noted = webSocket._socket;
  const taken = takenConnectionOf(socket);
  if (taken === undefined) return undefined;
  const notes = new ConnectionNotes(taken, webSocket);
  socket[ofSocket] = notes;
  // `ws` listens to them as long as there is a socket.
  taken.handlesErrors();
  // Before the listener of `ws`, and behind it: then it has handled what came.
  socket.prependListener('data', noteReading);
  socket.on('data', noteRead);
  return notes;
}

/** Has notes know the connections of a server, and so whether an event is complete. */
export function noteConnections(io: Server, isMidEvent: IsMidEvent): void {
  const know = (conn: EngineConnection): void => {
    const socket: Noted | undefined = webSocketOf(conn)?._socket;
    socket?.[ofSocket]?.know(conn, isMidEvent);
  };
  engineOf(io).on('connection', (conn) => {
    know(conn);
    if (webSocketOf(conn) === undefined) conn.once('upgrade', () => know(conn));
  });
}

/** The same functions for all connections. */
function noteReading(this: Noted, bytes: Buffer): void {
  this[ofSocket]?.handles(bytes);
}

function noteRead(this: Noted): void {
  this[ofSocket]?.handled();
}

/**
 * Notes where messages end in the stream of a client, and which positions it has had. If this process dies, its agent knows by that whether another
 * push-server can continue, and with what (docs/seamless.md).
 */
class ConnectionNotes implements StreamNotes {
  readonly #taken: TakenConnection;
  readonly #webSocket: WebSocketInternals;
  #conn: EngineConnection | undefined = undefined;
  #isMidEvent: IsMidEvent | undefined = undefined;
  /** Bytes to come of the frame that was passed on last, whose header came alone. */
  #toCome = 0;
  #isText = false;
  /** The mark that was passed on last in this tick, and those of other streams before it, of which there are few. */
  #mark: Mark | undefined = undefined;
  #others: Mark[] | undefined = undefined;
  /** Whether all of this tick was noted before it was written, and otherwise how many bytes could not be. */
  #isAhead = false;
  #late = 0;
  /** Whether what came last was noted before it was handled. */
  #isNoted = false;

  constructor(taken: TakenConnection, webSocket: WebSocketInternals) {
    this.#taken = taken;
    this.#webSocket = webSocket;
  }

  know(conn: EngineConnection, isMidEvent: IsMidEvent): void {
    this.#conn = conn;
    this.#isMidEvent = isMidEvent;
  }

  passes(bytes: Frame): void {
    const known = this.#toCome === 0 ? bytes[ofFrame] : undefined;
    if (known !== undefined) this.#keep(known);
    else this.#walk(bytes);
  }

  writes(bytes: number): void {
    const mark = this.#mark;
    const others = this.#others;
    this.#isAhead = others === undefined || others.length <= mostAhead;
    if (!this.#isAhead) this.#late = bytes;
    else if (mark === undefined) this.#taken.writes(bytes);
    else {
      if (others !== undefined) this.#taken.writesOthers(bytes, others);
      this.#taken.writes(bytes, mark.stream, mark.offset);
    }
  }

  wrote(bytes: number): void {
    const mark = this.#mark;
    const others = this.#others;
    const late = this.#late + bytes;
    const isAhead = this.#isAhead;
    this.#mark = undefined;
    this.#others = undefined;
    this.#late = 0;
    this.#isAhead = false;
    // Those of several streams stand where the next connection notes its own.
    if (isAhead && others !== undefined) this.#taken.wrote(0);
    if (isAhead) return;
    for (const { stream, offset } of others ?? noMarks) this.#taken.wrote(0, stream, offset);
    if (late > 0) this.#taken.wrote(late, mark?.stream, mark?.offset);
  }

  #keep(mark: Mark): void {
    const before = this.#mark;
    this.#mark = mark;
    if (before === undefined || before.stream === mark.stream) return;
    this.#others ??= [];
    this.#others.push(before);
  }

  /**
   * Notes events as read before they are handled: if this process dies meanwhile they are lost, as without a hand-off, and their client stays connected.
   */
  handles(bytes: Buffer): void {
    const isKnown = !this.#isInEvent && !this.#hasMore;
    const before = isKnown ? noteBeforeHandling(this.#taken, this.#webSocket, bytes) : 'other';
    this.#isNoted = before === 'whole';
    if (before === 'other') this.#taken.handles();
  }

  /** What came is handled. Notes nothing within an event of several messages: then what was read is more than what was noted. */
  handled(): void {
    if (this.#isNoted || this.#isInEvent || this.#hasMore) return;
    if (this.#isBetweenMessages) this.#taken.read();
    else noteHalfSentEvent(this.#taken, this.#webSocket);
  }

  /** Whether more was read, and waits while the WebSocket does not take it. */
  get #hasMore(): boolean {
    return this.#taken.socket.readableLength > 0;
  }

  /** Whether attachments of an event are to come. */
  get #isInEvent(): boolean {
    return this.#conn !== undefined && this.#isMidEvent?.(this.#conn) === true;
  }

  get #isBetweenMessages(): boolean {
    const { _state, _bufferedBytes, _fragmented } = this.#webSocket._receiver;
    return _state === 0 && _bufferedBytes === 0 && _fragmented === 0;
  }

  #walk(bytes: Frame): void {
    let at = Math.min(this.#toCome, bytes.length);
    if (at > 0) {
      this.#toCome -= at;
      if (this.#toCome === 0 && this.#isText) this.#note(bytes, at, false);
    }
    const isWhole = at === 0;
    while (at + 1 < bytes.length) {
      const short = bytes[at + 1] as number;
      this.#isText = ((bytes[at] as number) & 0x0f) === 1;
      const long = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? bytes.readUIntBE(at + 4, 6) : short;
      at += long + (short === 126 ? 4 : short === 127 ? 10 : 2);
      this.#toCome = Math.max(0, at - bytes.length);
      if (this.#toCome === 0 && this.#isText) this.#note(bytes, at, isWhole && at === bytes.length);
    }
  }

  /** @param isShared - whether the frames may be those of other clients as well */
  #note(bytes: Frame, end: number, isShared: boolean): void {
    const text = positionOfFrame(bytes, end);
    const position = text === undefined ? undefined : readPosition(text);
    if (position === undefined) return;
    const mark: Mark = { stream: numberOfEpoch(position.epoch), offset: position.offset };
    if (isShared) bytes[ofFrame] = mark;
    this.#keep(mark);
  }
}
