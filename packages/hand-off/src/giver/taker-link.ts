import type { Channel, ChannelOwner } from '../channel/channel.ts';
import type { DescriptorInbox } from '../channel/descriptor-inbox.ts';
import type { TakerFiles } from '../channel/folder.ts';
import { commonVersion, type Hello } from '../channel/hello.ts';
import { maxEarlyBytes, maxRecordBytes } from '../channel/limits.ts';
import { takerBit, messageTypes as types } from '../channel/message-types.ts';
import {
  type AcceptMessage,
  type DuplicateMessage,
  readDuplicate,
  readEnd,
  readResponse,
  writeAccept,
  writeClose,
} from '../channel/messages.ts';
import { failed, type Outcome } from '../channel/outcome.ts';
import { readRefusal } from '../channel/refusals.ts';
import type { SlotRef } from '../notes/layout.ts';
import type { DescriptorSocket } from '../system/descriptor-socket.ts';
import { EarlyBytes } from './early-bytes.ts';
import type { GiverEvents } from './giver-events.ts';
import type { Giver, NotOffered, Offered, OfferOptions } from './givers.ts';
import { Handed, type HandedHost, type ServingTaker } from './handed.ts';
import type { NotesFile } from './notes-file.ts';
import { Offer, type OfferLink } from './offer.ts';
import { OfferQueue } from './offer-queue.ts';
import { Silence } from './silence.ts';

/** Calls of the link to a taker to the giving side. */
export interface TakerHost<T> extends HandedHost {
  readonly events: GiverEvents<T>;
  /** The channel is gone, with these connections. */
  onGone(link: TakerLink<T>, reason: string, served: Handed<T>[]): void;
  onStopping(link: TakerLink<T>): void;
  /** The taker, which was silent, was killed. */
  onKilled(link: TakerLink<T>): void;
  /** Calls a handler of the program. */
  callHandler(handler: () => void): void;
}

/** A taker that has sent `welcome`, and the ways to it. */
export interface WelcomedTaker {
  readonly hello: Hello;
  readonly files: Pick<TakerFiles, 'port' | 'key'>;
  readonly channel: Channel;
  readonly descriptors: DescriptorSocket;
  /** What has come by `descriptors`. */
  readonly inbox: DescriptorInbox;
  readonly notes: NotesFile;
}

/** After this many calls of `beat` without a message, a ping has had no response for a second. */
const unheardTicks = 3;

const noBytes = Buffer.alloc(0);

/** One taker that has sent `welcome`. */
export class TakerLink<T> implements ChannelOwner, Giver<T>, OfferLink<T>, ServingTaker {
  readonly name: string;
  readonly port: number;
  /** At which its server listens; `undefined`: not known. */
  readonly address: string | undefined;
  /** Part of the names of its sockets that no other taker has. */
  readonly key: string;
  readonly channel: Channel;
  readonly #host: TakerHost<T>;
  readonly #inbox: DescriptorInbox;
  readonly #version: number;
  #mayBeKilled: boolean;
  #isKilled = false;
  readonly notes: NotesFile;
  /** What its clients had sent when it was given them. */
  readonly early = new EarlyBytes();
  /** How long the taker has been silent; `undefined`: it was heard lately. */
  #silence: Silence | undefined;
  /** Those that were sent. */
  readonly #offers = new Map<number, Offer<T>>();
  readonly #queue: OfferQueue<T>;
  readonly #served = new Map<number, Handed<T>>();
  #lastId = 0;
  #isStopping = false;
  /** Whether the taker has announced (`bye`) that it closes the channel, and lives on. */
  saidBye = false;

  constructor({ hello, files, channel, descriptors, inbox, notes }: WelcomedTaker, host: TakerHost<T>) {
    this.notes = notes;
    this.name = hello.name;
    this.#version = commonVersion(hello);
    this.port = files.port;
    this.address = hello.address;
    this.key = files.key;
    this.#mayBeKilled = hello.mayBeKilled === true;
    this.channel = channel;
    this.#queue = new OfferQueue({ channel, descriptors, sent: this.#offers });
    this.#inbox = inbox;
    this.#host = host;
  }

  get size(): number {
    return this.#served.size;
  }

  /** Whether a connection can be offered now. */
  get isReady(): boolean {
    return !this.#isStopping && !this.channel.isGone && !this.channel.isFull && !this.#queue.isFull;
  }

  offer(options: OfferOptions<T>): Promise<Outcome<Offered<T>, NotOffered>> {
    if (this.channel.isGone) return Promise.resolve(failed('lost', 'the channel is closed'));
    if (!this.isReady) return Promise.resolve(failed('full', 'the taker is stopping, or too much is open'));
    const offer = new Offer<T>(this, this.#nextId(), options);
    const response = offer.wait();
    this.#queue.add(offer);
    return response;
  }

  onMessage(type: number, id: number, payload: Buffer): boolean {
    switch (type) {
      case types.response:
        return this.#onResponse(id, payload);
      case types.unfit:
        this.#onUnfit(id, payload);
        return true;
      case types.end:
        return this.#onEnd(id, payload);
      case types.duplicate:
        return this.#onDuplicate(id, payload);
      case types.leave:
        return this.#onLeave(id, payload);
      case types.stop:
        this.#isStopping = true;
        for (const offer of this.#queue.takeAll()) offer.onLost('full', 'it is stopping');
        this.#host.onStopping(this);
        return true;
      case types.mayBeKilled:
        this.#mayBeKilled = payload[0] === 1;
        return true;
      case types.bye:
        this.saidBye = true;
        this.#endSoon();
        return true;
      default:
        // A newer version of the protocol may have more.
        return true;
    }
  }

  /** Called once a second, also after the channel was given up because of silence. @param silentSeconds - after how many it is */
  beat(silentSeconds: number): void {
    const { channel } = this;
    const wasClosed = channel.isGone;
    this.early.sweep((handed) => handed.taker === this && this.notes.isUnread(handed));
    channel.beat(silentSeconds);
    if (channel.silentTicks < unheardTicks) this.#silence = undefined;
    else if (this.#silence === undefined) this.#silence = new Silence(this.notes.look());
    else this.#silence.tick(wasClosed);
  }

  onGone(reason: string): void {
    const offers = [...this.#offers.values(), ...this.#queue.takeAll()];
    const served = [...this.#served.values()];
    this.#served.clear();
    this.#inbox.close();
    for (const offer of offers) offer.onLost('lost', reason);
    for (const handed of served) handed.orphan();
    this.#host.onGone(this, reason, served);
  }

  duplicate(descriptor: number): number {
    return this.#host.kernel.duplicate(descriptor);
  }

  closeDescriptor(descriptor: number): void {
    this.#host.kernel.close(descriptor);
  }

  withdraw(id: number): void {
    if (!this.#queue.delete(id)) this.channel.send(types.withdraw, id);
  }

  create(id: number, descriptor: number, record: Buffer, user: T): Handed<T> {
    return new Handed<T>(this.#host, this, { id, descriptor, record, user });
  }

  accept(id: number, handed: Handed<T>, slot: SlotRef, message: AcceptMessage): void {
    const { first, early } = message;
    handed.serve(this, id, slot, first.length + early.length > 0);
    // One that never had its response reconnects.
    this.early.keep(handed as Handed<unknown>, first.length > 0 ? noBytes : early);
    this.#served.set(id, handed);
    this.channel.send(types.accept, id, ...writeAccept(message));
  }

  settled(id: number): void {
    this.#queue.delete(id);
    if (this.#offers.delete(id)) this.#queue.sendSoon();
    // What is accepted is sent in this tick.
    if (this.saidBye) process.nextTick(() => this.#endSoon());
  }

  requestClose(id: number, code: number, cause: string): void {
    this.channel.send(types.close, id, ...writeClose({ code, cause }));
  }

  requestLeave(id: number): boolean {
    if (this.#version < 2) return false;
    this.channel.send(types.askToLeave, id);
    return true;
  }

  isSilentFor(ms: number): boolean {
    return this.channel.isGone && this.#silence?.hasLasted(ms, this.notes.look()) === true;
  }

  kill(): boolean {
    if (this.#isKilled || !this.channel.isGone || !this.#mayBeKilled || !this.notes.kill()) return this.#isKilled;
    this.#isKilled = true;
    this.#host.onKilled(this);
    return true;
  }

  forget(id: number): void {
    this.#served.delete(id);
  }

  /** Ends the channel, for which the taker waits, once each offer that has its response is accepted or withdrawn. */
  #endSoon(): void {
    for (const { hasResponse } of this.#offers.values()) if (hasResponse) return;
    this.channel.end('it closed the channel');
  }

  #onResponse(id: number, payload: Buffer): boolean {
    const response = readResponse(payload);
    if (response === undefined) return false;
    this.#offers.get(id)?.onResponse(response);
    return true;
  }

  #onUnfit(id: number, payload: Buffer): void {
    const { refusal, detail } = readRefusal(payload);
    this.#offers.get(id)?.onLost(refusal, detail);
  }

  #onEnd(id: number, payload: Buffer): boolean {
    const ending = readEnd(payload);
    if (ending === undefined) return false;
    this.#offers.get(id)?.onLost('lost', 'it ended the connection');
    const handed = this.#served.get(id);
    if (handed === undefined) return true;
    const { code, cause, messagesIn, messagesOut } = ending;
    const { bytesIn, bytesOut } = handed.counts();
    const end = { code, cause, messagesIn, messagesOut, bytesIn, bytesOut };
    handed.drop(() => this.#host.callHandler(() => this.#host.events.onEnd(handed, end)));
    return true;
  }

  #onLeave(id: number, payload: Buffer): boolean {
    if (payload.length > maxEarlyBytes) return false;
    const handed = this.#served.get(id);
    this.#served.delete(id);
    handed?.orphan();
    // Before the taker is told: then it uses the slot again.
    const marks = handed && this.notes.marksOf(handed);
    // It closes its descriptor; if the connection is unknown here, it was given up.
    this.channel.send(types.left, id);
    if (handed === undefined) return true;
    const unread = Buffer.from(payload);
    this.#host.callHandler(() => this.#host.events.onLeave(handed, unread, marks));
    return true;
  }

  #onDuplicate(id: number, payload: Buffer): boolean {
    const message = readDuplicate(payload);
    if (message === undefined || id < takerBit || this.#served.has(id)) return false;
    if (message.record.length > maxRecordBytes) return false;
    const descriptor = this.#inbox.take(id);
    const isKept = descriptor >= 0 && this.#keep(id, descriptor, message);
    this.channel.send(isKept ? types.kept : types.unkept, id);
    return true;
  }

  #keep(id: number, descriptor: number, message: DuplicateMessage): boolean {
    const { record } = message;
    const { kernel, events } = this.#host;
    if (kernel.whyUnfit(descriptor) !== undefined) {
      kernel.close(descriptor);
      return false;
    }
    let handed: Handed<T>;
    try {
      handed = this.create(id, descriptor, record, undefined as T);
    } catch {
      // There is no memory for its record.
      return false;
    }
    handed.serve(this, id, message, false);
    this.#served.set(id, handed);
    let isKept = false;
    this.#host.callHandler(() => {
      isKept = events.onDuplicate(handed, record);
    });
    if (!isKept) handed.drop();
    return isKept;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % (takerBit - 1)) + 1;
    while (this.#offers.has(this.#lastId) || this.#served.has(this.#lastId) || this.#queue.has(this.#lastId));
    return this.#lastId;
  }
}
