import type { Socket } from 'node:net';
import type { Ending } from '../channel/ending.ts';
import type { AcceptMessage, ResponseMessage } from '../channel/messages.ts';
import type { OfferKind } from '../channel/offer-kind.ts';
import { descriptorOf } from '../system/descriptor-of.ts';
import { FrameSkipper } from './frame-skipper.ts';
import { type Done, endThrough, type Gate, HeldSocket, openSocket, startReading, writeThrough } from './held-socket.ts';
import { type ReadResponse, ResponseReader } from './response-reader.ts';
import type { TakenConnection } from './taken-connection.ts';

/** The giver of a connection, as its connection sees it. */
export interface Owner {
  /** The server has responded. */
  respond(taken: Taken, response: Omit<ResponseMessage, 'slot'>): void;
  /** The server's response is none, or cannot be used. */
  misrespond(taken: Taken, detail: string): void;
  /** The connection has ended. */
  end(taken: Taken): void;
}

/** What a connection asks of the taker. */
export interface TakenHost {
  /** Ends what is written for all owners, as closing one of two descriptors sends nothing. */
  endWriting(descriptor: number): void;
  /** A connection has closed. */
  onClosed(taken: Taken): void;
}

const takenOf: unique symbol = Symbol('taken');
type TakenSocket = Socket & { [takenOf]?: Taken; resetAndClosing?: boolean };

/** The connection that was handed to this process as this socket; `undefined`: it came another way. */
export function takenConnectionOf(socket: Socket): TakenConnection | undefined {
  return (socket as TakenSocket)[takenOf];
}

/** What a server wrote while it may not write to the client. */
interface HeldWrite {
  readonly bytes: Buffer;
  readonly done: Done;
}

export class Taken implements TakenConnection, Gate {
  readonly socket: Socket;
  readonly kind: OfferKind;
  readonly record: Buffer;
  ending: Ending | undefined = undefined;
  isAccepted = false;
  /** Its number at its owner. */
  id: number;
  /** `undefined`: nobody but this process has it. */
  owner: Owner | undefined;
  readonly #host: TakenHost;
  #response: ResponseReader | undefined = new ResponseReader();
  #held: HeldWrite[] | undefined = undefined;
  #end: Done | undefined = undefined;
  #skipper: FrameSkipper | undefined = undefined;

  /** @throws Error where Node cannot use the descriptor */
  constructor(host: TakenHost, owner: Owner, id: number, descriptor: number, kind: OfferKind, record: Buffer) {
    this.#host = host;
    this.owner = owner;
    this.id = id;
    this.kind = kind;
    this.record = record;
    const socket: TakenSocket = new HeldSocket(descriptor, this);
    socket[takenOf] = this;
    socket._destroy = destroyTaken;
    this.socket = socket;
  }

  get hasResponded(): boolean {
    return this.#response === undefined;
  }

  get isShared(): boolean {
    return this.isAccepted && this.owner !== undefined;
  }

  wrote(_bytes: number, _stream?: number, _offset?: number): void {}

  read(_except: number): void {}

  leave(_unread: Buffer): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** The giver has accepted the response: the server's bytes flow. */
  accept({ early, skipFrames }: AcceptMessage): void {
    const socket = this.socket as HeldSocket;
    if (this.isAccepted || socket.destroyed) return;
    this.isAccepted = true;
    const held = this.#held;
    const end = this.#end;
    this.#held = undefined;
    this.#end = undefined;
    if (skipFrames > 0) this.#skipper = new FrameSkipper(skipFrames);
    else openSocket(socket);
    // Writing first: reading may make the server write.
    for (const { bytes, done } of held ?? []) this.#write(bytes, done);
    if (end !== undefined) endThrough(socket, end);
    startReading(socket, early);
  }

  /** @internal */
  onWrite(bytes: Buffer, done: Done): void {
    if (this.isAccepted) this.#write(bytes, done);
    else if (this.#response === undefined) this.#hold(bytes, done);
    else this.#take(this.#response.take(bytes), done);
  }

  /** @internal */
  onEnd(done: Done): void {
    if (this.isAccepted) endThrough(this.socket as HeldSocket, done);
    else if (this.#response === undefined) this.#end = done;
    else this.#take(this.#response.end(), done);
  }

  #take(read: ReadResponse, done: Done): void {
    if (read.state === 'partial') {
      done();
      return;
    }
    this.#response = undefined;
    if (read.state === 'bad') {
      this.#misrespond(read.detail);
      this.socket.destroy();
      return;
    }
    const isUpgrade = read.state === 'upgraded';
    this.owner?.respond(this, { head: read.head, body: isUpgrade ? undefined : read.body });
    if (!isUpgrade) {
      // The giver passes it on; there is nothing else to say.
      this.owner = undefined;
      done();
      this.socket.destroy();
    } else if (read.rest.length > 0) this.#hold(read.rest, done);
    else done();
  }

  /** At most one write waits here; the socket keeps the rest, and tells the server to wait. */
  #hold(bytes: Buffer, done: Done): void {
    this.#held ??= [];
    this.#held.push({ bytes, done });
  }

  #write(bytes: Buffer, done: Done): void {
    const socket = this.socket as HeldSocket;
    const skipper = this.#skipper;
    if (skipper === undefined) {
      writeThrough(socket, bytes, done);
      return;
    }
    const rest = skipper.take(bytes);
    if (rest === undefined) {
      this.ending = { cause: 'the first frames are too large' };
      socket.destroy();
      return;
    }
    if (skipper.isDone) {
      this.#skipper = undefined;
      openSocket(socket);
    }
    if (rest.length > 0) writeThrough(socket, rest, done);
    else done();
  }

  /** The socket is being destroyed; its descriptor is still open. */
  beforeClose(descriptor: number, isReset: boolean): void {
    // A reset is sent when the last descriptor is closed, since Node has set SO_LINGER on the connection.
    if (this.isAccepted && this.owner !== undefined && !isReset) this.#host.endWriting(descriptor);
  }

  /** The descriptor is closed. */
  afterClose(): void {
    if (this.#response !== undefined) this.#misrespond('the server closed the connection before it responded');
    const { owner } = this;
    this.#held = undefined;
    this.owner = undefined;
    owner?.end(this);
    this.#host.onClosed(this);
  }

  #misrespond(detail: string): void {
    const { owner } = this;
    this.#response = undefined;
    this.owner = undefined;
    owner?.misrespond(this, detail);
  }
}

/** Replaces `_destroy` of a socket. */
function destroyTaken(this: TakenSocket, error: Error | null, done: Done): void {
  const taken = this[takenOf];
  const descriptor = descriptorOf(this);
  if (descriptor >= 0) taken?.beforeClose(descriptor, this.resetAndClosing === true);
  Object.getPrototypeOf(this)._destroy.call(this, error, (failure?: Error | null) => {
    taken?.afterClose();
    done(failure);
  });
}
