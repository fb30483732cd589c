import type { Channel, ChannelOwner } from '../channel/channel.ts';
import { DescriptorInbox } from '../channel/descriptor-inbox.ts';
import { maxOpenOffers, maxRecordBytes } from '../channel/limits.ts';
import { takerBit, messageTypes as types } from '../channel/message-types.ts';
import {
  type ResponseMessage,
  readAccept,
  readClose,
  readOffer,
  writeDuplicate,
  writeEnd,
  writeResponse,
} from '../channel/messages.ts';
import { type Refusal, writeRefusal } from '../channel/refusals.ts';
import { descriptorOf } from '../system/descriptor-of.ts';
import type { DescriptorSocket } from '../system/descriptor-socket.ts';
import type { OfferedClient } from './offered-client.ts';
import type { Owner, Taken } from './taken.ts';

/** Calls of the link to a giver to the taker. */
export interface LinkHost {
  /** Makes a connection of a descriptor, which it takes over, and gives it to the server. @returns why not */
  take(link: Owner, offered: OfferedClient): Taken | { refusal: Refusal; detail: string };
  /** @param head - of its request */
  onConnection(taken: Taken, head: Buffer): void;
  onCloseRequest(taken: Taken, code: number, cause: string): void;
  onLeaveRequest(taken: Taken): void;
  closeDescriptor(descriptor: number): void;
  /** A connection has no owner but this process. */
  onAlone(taken: Taken): void;
  /** Another duplicate can be given. */
  onRoom(): void;
  onGone(link: GiverLink, reason: string): void;
}

/** How long a giver may take to end a channel that this process closes, in milliseconds. */
const byeMs = 1_000;

/** One giver that has sent `hello`. */
export class GiverLink implements ChannelOwner, Owner {
  readonly name: string;
  readonly channel: Channel;
  readonly #host: LinkHost;
  readonly #descriptors: DescriptorSocket;
  readonly #inbox: DescriptorInbox;
  readonly #taken = new Map<number, Taken>();
  readonly #duplicates = new Map<number, Taken>();
  readonly #leaving = new Map<number, Taken>();
  #openOffers = 0;
  #leavesBy: NodeJS.Timeout | undefined;
  #lastDuplicate = 0;
  /** Whether it has refused a duplicate since the last {@link GiverLink.beat}. */
  #declines = false;

  constructor(name: string, channel: Channel, descriptors: DescriptorSocket, host: LinkHost) {
    this.name = name;
    this.channel = channel;
    this.#host = host;
    this.#descriptors = descriptors;
    this.#inbox = new DescriptorInbox(descriptors, (descriptor) => host.closeDescriptor(descriptor));
  }

  /** How many connections this giver owns along with this process. */
  get size(): number {
    return this.#taken.size + this.#duplicates.size;
  }

  /** Those connections, and those that are on their way back to it. */
  *taken(): IterableIterator<Taken> {
    yield* this.#taken.values();
    yield* this.#duplicates.values();
    yield* this.#leaving.values();
  }

  /** Whether it can be given a duplicate now. */
  get isReady(): boolean {
    return !this.channel.isGone && !this.channel.isFull && !this.#declines && this.#duplicates.size < maxOpenOffers;
  }

  /** Called once a second. */
  beat(silentSeconds: number): void {
    this.#declines = false;
    this.channel.beat(silentSeconds);
  }

  /**
   * Announces that this process closes the channel on purpose, and lives on. The giver ends the channel after the
   * last connection that it accepts; one of version 1 does not.
   */
  bye(): void {
    if (this.#leavesBy !== undefined) return;
    this.channel.send(types.bye, 0);
    this.#leavesBy = setTimeout(() => this.channel.end('closed'), byeMs);
  }

  /** Gives a duplicate of a connection that has no other owner. @returns `false`: not now */
  giveDuplicate(taken: Taken): boolean {
    const id = this.#nextDuplicate();
    const result = this.#descriptors.send([id], [descriptorOf(taken.socket)]);
    if (result === 'gone') this.channel.end('the socket for descriptors is closed');
    if (result !== 'sent') return false;
    this.channel.send(types.duplicate, id, ...writeDuplicate({ ...taken.slot, record: taken.record }));
    taken.id = id;
    taken.owner = this;
    taken.isPending = true;
    this.#duplicates.set(id, taken);
    return true;
  }

  onMessage(type: number, id: number, payload: Buffer): boolean {
    switch (type) {
      case types.offer:
        return this.#onOffer(id, payload);
      case types.accept:
        return this.#onAccept(id, payload);
      case types.withdraw:
        this.#onWithdraw(id);
        return true;
      case types.close:
        return this.#onClose(id, payload);
      case types.askToLeave:
        this.#onAskToLeave(id);
        return true;
      case types.left:
        this.#onLeft(id);
        return true;
      case types.kept:
      case types.unkept:
        this.#onKept(id, type === types.kept);
        return true;
      default:
        // A newer version of the protocol may have more.
        return true;
    }
  }

  onGone(reason: string): void {
    clearTimeout(this.#leavesBy);
    const all = [...this.#taken.values(), ...this.#duplicates.values(), ...this.#leaving.values()];
    this.#taken.clear();
    this.#duplicates.clear();
    this.#leaving.clear();
    this.#inbox.close();
    for (const taken of all) {
      // Before it is accepted the client is the giver's alone.
      if (taken.isAccepted) {
        this.#host.onAlone(taken);
        taken.orphan();
      } else taken.drop();
    }
    this.#host.onGone(this, reason);
  }

  respond({ id, slot: { slot, generation } }: Taken, { head, body }: Pick<ResponseMessage, 'head' | 'body'>): void {
    this.#openOffers--;
    if (body !== undefined) this.#taken.delete(id);
    this.channel.send(types.response, id, ...writeResponse({ slot, generation, head, body }));
  }

  failResponse({ id }: Taken, detail: string): void {
    this.#openOffers--;
    this.#taken.delete(id);
    this.#refuse(id, 'bad response', detail);
  }

  end(taken: Taken): void {
    this.#taken.delete(taken.id);
    this.#duplicates.delete(taken.id);
    this.#leaving.delete(taken.id);
    this.channel.send(types.end, taken.id, ...writeEnd(taken.ending ?? {}));
  }

  leave(taken: Taken, unread: Buffer): void {
    const { id } = taken;
    this.#taken.delete(id);
    this.#leaving.set(id, taken);
    // What the program does with it now must not reach the client.
    taken.owner = undefined;
    this.channel.send(types.leave, id, unread);
  }

  #onLeft(id: number): void {
    const taken = this.#leaving.get(id);
    this.#leaving.delete(id);
    taken?.left();
  }

  #onOffer(id: number, payload: Buffer): boolean {
    const offer = readOffer(payload);
    const isNew = id > 0 && id < takerBit && !this.#taken.has(id);
    if (offer === undefined || !isNew || offer.record.length > maxRecordBytes) return false;
    const { kind, head } = offer;
    const descriptor = this.#inbox.take(id);
    if (this.#openOffers >= maxOpenOffers) {
      if (descriptor >= 0) this.#host.closeDescriptor(descriptor);
      this.#refuse(id, 'full', 'too many offers are open');
      return true;
    }
    const taken = this.#host.take(this, { id, descriptor, kind });
    if ('refusal' in taken) {
      this.#refuse(id, taken.refusal, taken.detail);
      return true;
    }
    this.#openOffers++;
    this.#taken.set(id, taken);
    this.#host.onConnection(taken, head);
    return true;
  }

  #refuse(id: number, refusal: Refusal, detail: string): void {
    this.channel.send(types.unfit, id, ...writeRefusal(refusal, detail));
  }

  #onAccept(id: number, payload: Buffer): boolean {
    const message = readAccept(payload);
    if (message === undefined || message.record.length > maxRecordBytes) return false;
    // If it is unknown, it has ended meanwhile, and the giver has been told.
    this.#taken.get(id)?.accept(message);
    return true;
  }

  #onWithdraw(id: number): void {
    const taken = this.#taken.get(id);
    if (taken === undefined || taken.isAccepted) return;
    if (!taken.hasResponded) this.#openOffers--;
    this.#taken.delete(id);
    taken.drop();
  }

  #onClose(id: number, payload: Buffer): boolean {
    const message = readClose(payload);
    if (message === undefined) return false;
    const taken = this.#taken.get(id) ?? this.#duplicates.get(id);
    if (taken?.isAccepted) this.#host.onCloseRequest(taken, message.code, message.cause);
    return true;
  }

  #onAskToLeave(id: number): void {
    const taken = this.#taken.get(id);
    if (taken?.isAccepted) this.#host.onLeaveRequest(taken);
  }

  #onKept(id: number, isKept: boolean): void {
    const taken = this.#duplicates.get(id);
    if (taken === undefined) return;
    this.#duplicates.delete(id);
    if (isKept) {
      this.#taken.set(id, taken);
      taken.kept();
    } else {
      this.#declines = true;
      this.#host.onAlone(taken);
      taken.orphan();
    }
    this.#host.onRoom();
  }

  #nextDuplicate(): number {
    do this.#lastDuplicate = (this.#lastDuplicate + 1) % takerBit;
    while (this.#taken.has(takerBit + this.#lastDuplicate) || this.#duplicates.has(takerBit + this.#lastDuplicate));
    return takerBit + this.#lastDuplicate;
  }
}
