import type { Socket } from 'node:net';
import type { Ending } from '../channel/ending.ts';
import { maxEarlyBytes } from '../channel/limits.ts';
import type { AcceptMessage, ResponseMessage } from '../channel/messages.ts';
import type { OfferKind } from '../channel/offer-kind.ts';
import { noSlot, type SlotRef } from '../notes/layout.ts';
import type { Mark } from '../notes/mark.ts';
import { descriptorOf } from '../system/descriptor-of.ts';
import {
  type Done,
  endThrough,
  type Gate,
  HeldSocket,
  type HeldWrite,
  openSocket,
  startReading,
  takeRead,
  writeThrough,
} from './held-socket.ts';
import type { OfferedClient } from './offered-client.ts';
import { OpeningSkipper } from './opening-skipper.ts';
import { type ReadResponse, ResponseReader } from './response-reader.ts';
import type { TakenConnection } from './taken-connection.ts';
import type { TakenMeans } from './taken-means.ts';
import { ownSocket, type SocketOwner } from './taken-socket.ts';

/** The giver of a connection, as its connection sees it. */
export interface Owner {
  /** The server has responded. */
  respond(taken: Taken, response: Pick<ResponseMessage, 'head' | 'body'>): void;
  /** The server wrote no response, or one that cannot be used. */
  failResponse(taken: Taken, detail: string): void;
  /** The connection has ended. */
  end(taken: Taken): void;
  /** Gives it back: {@link Taken.left} follows, or {@link Taken.orphan}. */
  leave(taken: Taken, unread: Buffer): void;
}

/** Calls of a connection to the taker. */
export interface TakenHost extends TakenMeans {
  /** A connection has closed. */
  onClosed(taken: Taken): void;
  /** A connection that is alone needs a giver at once. */
  onLeaving(): void;
}

/** Longest wait for a giver that confirms, in milliseconds. */
const leaveMs = 5_000;

interface Leaving {
  readonly unread: Buffer;
  readonly deadline: NodeJS.Timeout;
  settle(isLeft: boolean): void;
}

export class Taken implements TakenConnection, SocketOwner, Gate {
  readonly socket: Socket;
  readonly kind: OfferKind;
  ending: Ending | undefined = undefined;
  user: unknown = undefined;
  isAccepted = false;
  /** Its number at its owner. */
  id: number;
  /** `undefined`: only this process has it. */
  owner: Owner | undefined;
  /** Whether its giver has not confirmed yet that it keeps it. */
  isPending = false;
  /** Where it is noted how far it is. */
  slot: SlotRef;
  readonly #host: TakenHost;
  /** The handle of its record, which comes when it is accepted. */
  #record: number | undefined = undefined;
  #response: ResponseReader | undefined = new ResponseReader();
  /** At most one write waits here; the socket keeps the rest, and tells the server to wait. */
  #held: HeldWrite | undefined = undefined;
  #end: Done | undefined = undefined;
  #skipper: OpeningSkipper | undefined = undefined;
  #leaving: Leaving | undefined = undefined;
  /** Closes the descriptor of a socket that the server has destroyed right after its response. */
  #close: (() => void) | undefined = undefined;
  /** Bytes read of the client, as the kernel counts. */
  #bytesIn = 0;

  /** @throws Error if Node cannot use the descriptor */
  constructor(host: TakenHost, owner: Owner, { id, descriptor, kind }: OfferedClient) {
    this.#host = host;
    this.owner = owner;
    this.id = id;
    this.kind = kind;
    const socket = new HeldSocket(descriptor, this, host.readsInto);
    ownSocket(socket, this);
    this.socket = socket;
    this.slot = host.notes?.open() ?? noSlot;
  }

  /** What its giver keeps with it. */
  get record(): Buffer {
    return this.#record === undefined ? noBytes : this.#host.records.read(this.#record);
  }

  get hasResponded(): boolean {
    return this.#response === undefined;
  }

  get isShared(): boolean {
    return this.isAccepted && !this.isPending && this.owner !== undefined;
  }

  writes(bytes: number, stream = 0, offset = 0): void {
    this.#host.notes?.writes(this.slot.slot, bytes, stream, offset);
  }

  writesOthers(bytes: number, others: readonly Mark[]): void {
    this.#host.notes?.writesOthers(this.slot.slot, bytes, others);
  }

  wrote(bytes: number, stream = 0, offset = 0): void {
    this.#host.notes?.wrote(this.slot.slot, bytes, stream, offset);
  }

  forget(stream: number): void {
    this.#host.notes?.forget(this.slot.slot, stream);
  }

  handles(): void {
    this.#host.notes?.sees(this.slot.slot, this.#bytesIn);
  }

  read(): void {
    this.#host.notes?.read(this.slot.slot, this.#bytesIn);
  }

  half(beginning: Buffer): void {
    this.#host.notes?.half(this.slot.slot, this.#bytesIn, beginning);
  }

  reads(length: number): void {
    this.#bytesIn += length;
  }

  ignoreErrors(): void {
    this.socket.on('error', ignore);
  }

  handlesErrors(): void {
    this.socket.off('error', ignore);
  }

  leave(unread: Buffer): Promise<boolean> {
    const { socket } = this;
    const isIdle = this.isAccepted && this.#skipper === undefined && this.#leaving === undefined;
    if (!isIdle || socket.destroyed || socket.writableLength > 0) return Promise.resolve(false);
    const all = Buffer.concat([unread, ...takeRead(socket)]);
    if (all.length > maxEarlyBytes) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (isLeft: boolean): void => {
        clearTimeout(deadline);
        this.#leaving = undefined;
        resolve(isLeft);
      };
      const deadline = setTimeout(() => settle(false), leaveMs);
      this.#leaving = { unread: all, deadline, settle };
      if (this.owner !== undefined && !this.isPending) this.owner.leave(this, all);
      else this.#host.onLeaving();
    });
  }

  /** Its giver keeps it from now on. */
  kept(): void {
    this.isPending = false;
    if (this.#leaving !== undefined) this.owner?.leave(this, this.#leaving.unread);
  }

  /** Its giver has it alone from now on. */
  left(): void {
    const leaving = this.#leaving;
    this.#leaving = undefined;
    this.owner = undefined;
    this.socket.destroy();
    leaving?.settle(true);
  }

  /** Its giver does not accept it, or is gone: it is not this process's any more. */
  drop(): void {
    const close = this.#close;
    this.#close = undefined;
    this.owner = undefined;
    if (close === undefined) this.socket.destroy();
    else close();
  }

  closesLater(close: () => void): boolean {
    if (this.isAccepted || !this.hasResponded || this.owner === undefined) return false;
    this.#close = close;
    return true;
  }

  /** It has no giver any more. */
  orphan(): void {
    this.owner = undefined;
    this.isPending = false;
    if (this.#leaving !== undefined) this.#host.onLeaving();
  }

  /** The giver has accepted the response: the server's bytes flow. */
  accept({ first, early, record, skipFrames }: AcceptMessage): void {
    const socket = this.socket as HeldSocket;
    const close = this.#close;
    if (this.isAccepted || (socket.destroyed && close === undefined)) return;
    this.isAccepted = true;
    if (close !== undefined) {
      this.#close = undefined;
      writeThrough(socket, Buffer.concat([first, this.#held?.bytes ?? noBytes]), ignore);
      close();
      return;
    }
    if (!this.#keep(record)) return;
    this.#beginNotes(first, early);
    const held = this.#held;
    const end = this.#end;
    this.#held = undefined;
    this.#end = undefined;
    if (skipFrames > 0) this.#skipper = new OpeningSkipper(skipFrames);
    else openSocket(socket);
    // Writing first: reading may make the server write.
    this.#writeFirst(first, held);
    if (end !== undefined) endThrough(socket, end);
    startReading(socket, early);
  }

  /** Keeps its record. @returns `false`: there is no memory for it, and the connection ends */
  #keep(record: Buffer): boolean {
    try {
      this.#record = this.#host.records.put(record);
    } catch {
      this.ending = { cause: 'no memory for its record' };
      this.socket.destroy();
    }
    return this.#record !== undefined;
  }

  /** Nothing is read or written by anyone now, so the kernel's counts are those before the response and the first message. */
  #beginNotes(first: Buffer, early: Buffer): void {
    if (this.slot === noSlot) return;
    const { bytesIn = 0, bytesOut = 0 } = this.#host.kernel.counts(descriptorOf(this.socket)) ?? {};
    this.#bytesIn = bytesIn;
    this.#host.notes?.begin(this.slot.slot, bytesOut + first.length, bytesIn, early);
  }

  /** Writes the response of the giver, and what the server has written behind it: in one piece if that is possible. */
  #writeFirst(first: Buffer, held: HeldWrite | undefined): void {
    if (held !== undefined && this.#skipper === undefined) this.#write(Buffer.concat([first, held.bytes]), held.done);
    else {
      const socket = this.socket as HeldSocket;
      if (first.length > 0) writeThrough(socket, first, (error) => void (error && socket.destroy(error)));
      if (held !== undefined) this.#write(held.bytes, held.done);
    }
  }

  /** @internal */
  onWrite(bytes: Buffer, done: Done): void {
    if (this.isAccepted) this.#write(bytes, done);
    else if (this.#response === undefined) this.#held = { bytes, done };
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
      this.#failResponse(read.detail);
      this.socket.destroy();
      return;
    }
    const isUpgrade = read.state === 'upgraded';
    this.owner?.respond(this, { head: read.head, body: isUpgrade ? undefined : read.body });
    if (!isUpgrade) {
      // The giver passes it on; nothing else is sent.
      this.owner = undefined;
      done();
      this.socket.destroy();
    } else if (read.rest.length > 0) this.#held = { bytes: read.rest, done };
    else done();
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
      this.wrote(-skipper.skipped);
      openSocket(socket);
    }
    if (rest.length > 0) writeThrough(socket, rest, done);
    else done();
  }

  beforeClose(descriptor: number, isReset: boolean): void {
    // A reset is sent when the last descriptor is closed, since Node has set SO_LINGER on the connection.
    if (this.isAccepted && this.owner !== undefined && !isReset) this.#host.kernel.endWriting(descriptor);
  }

  afterClose(): void {
    if (this.#response !== undefined) this.#failResponse('the server closed the connection before it responded');
    const { owner } = this;
    this.#held = undefined;
    this.owner = undefined;
    owner?.end(this);
    this.#leaving?.settle(false);
    if (this.#record !== undefined) this.#host.records.drop(this.#record);
    const { slot } = this.slot;
    // It may be another connection's from now on.
    this.slot = noSlot;
    this.#host.notes?.close(slot);
    this.#host.onClosed(this);
  }

  #failResponse(detail: string): void {
    const { owner } = this;
    this.#response = undefined;
    this.owner = undefined;
    owner?.failResponse(this, detail);
  }
}

const noBytes = Buffer.alloc(0);

function ignore(): void {}
