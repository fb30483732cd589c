import type { Channel, LastWork } from '../channel/channel.ts';
import { maxOpenOffers, maxWaitingBytes, maxWaitingOffers } from '../channel/limits.ts';
import { messageTypes as types } from '../channel/message-types.ts';
import { writeOffer } from '../channel/messages.ts';
import { type DescriptorSocket, maxDescriptors } from '../system/descriptor-socket.ts';
import type { Offer } from './offer.ts';

/** When this many wait, they are sent at once; fewer wait for the end of the turn of the event loop, in which more may come. */
const enough = 16;

/** If the last packet left less than this ago, clients come in quick succession, and offers wait for more of them; in milliseconds. */
const closeMs = 5;

/** How long they wait at most, in milliseconds. */
const longestWaitMs = 5;

/** Where offers are sent. */
export interface OfferWay<T> {
  readonly channel: Channel;
  readonly descriptors: DescriptorSocket;
  /** Offers that were sent and are open. */
  readonly sent: Map<number, Offer<T>>;
}

/**
 * Offers that are to be sent to one taker. Those of a turn of the event loop go in one packet of descriptors and one write. Node accepts one
 * connection in a turn, so while clients come in quick succession, offers also wait for those of the next turns: to wake the taker for
 * each one takes it and this process longer than all else. Those of a storm wait until the taker has responded to others.
 */
export class OfferQueue<T> {
  readonly #way: OfferWay<T>;
  readonly #waiting = new Map<number, Offer<T>>();
  #bytes = 0;
  #isScheduled = false;
  /** Whether an offer has come since the end of the last turn, so that the next turn may bring another. */
  #isGrowing = false;
  #waitsSince = 0;
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(way: OfferWay<T>) {
    this.#way = way;
  }

  /** Whether no more may wait. */
  get isFull(): boolean {
    return this.#waiting.size >= maxWaitingOffers || this.#bytes >= maxWaitingBytes;
  }

  has(id: number): boolean {
    return this.#waiting.has(id);
  }

  add(offer: Offer<T>): void {
    this.#waiting.set(offer.id, offer);
    this.#bytes += offer.bytes;
    this.#isGrowing = true;
    if (this.#waiting.size >= enough) this.#send();
    else this.sendSoon();
  }

  /** @returns whether it was waiting */
  delete(id: number): boolean {
    const offer = this.#waiting.get(id);
    if (offer === undefined) return false;
    this.#waiting.delete(id);
    this.#bytes -= offer.bytes;
    return true;
  }

  /** All that wait; none of them does any more. */
  takeAll(): Offer<T>[] {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#bytes = 0;
    return all;
  }

  /** Sends what waits, at the end of this turn of the event loop or of one of the next. */
  sendSoon(): void {
    if (this.#isScheduled || this.#waiting.size === 0) return;
    this.#isScheduled = true;
    this.#waitsSince = performance.now();
    this.#isGrowing = this.#waitsSince - this.#sentAt < closeMs;
    this.#way.channel.sendLast(this.#endTurn);
  }

  readonly #endTurn: LastWork = () => {
    const { size } = this.#waiting;
    const isFew = size > 0 && size < enough;
    if (isFew && this.#isGrowing && performance.now() - this.#waitsSince < longestWaitMs) {
      this.#isGrowing = false;
      return 'again';
    }
    this.#isScheduled = false;
    this.#send();
    return 'done';
  };

  #send(): void {
    const { channel, sent } = this.#way;
    while (this.#waiting.size > 0 && sent.size < maxOpenOffers && !channel.isFull) {
      const batch = this.#prepare(Math.min(maxDescriptors, maxOpenOffers - sent.size));
      if (batch.length > 0 && !this.#sendAll(batch)) return;
    }
    channel.flush();
  }

  /** The next ones that can be offered, each with a descriptor. */
  #prepare(most: number): Offer<T>[] {
    const batch: Offer<T>[] = [];
    for (const offer of this.#waiting.values()) {
      if (batch.length === most) break;
      const refused = offer.prepare();
      if (refused === undefined) batch.push(offer);
      else offer.onLost(refused.cause, refused.detail);
    }
    return batch;
  }

  /** @returns `false`: nothing can be sent now */
  #sendAll(batch: readonly Offer<T>[]): boolean {
    const { channel, descriptors, sent } = this.#way;
    const result = descriptors.send(
      batch.map(({ id }) => id),
      batch.map(({ descriptor }) => descriptor),
    );
    if (result === 'sent') {
      this.#sentAt = performance.now();
      for (const offer of batch) {
        this.delete(offer.id);
        sent.set(offer.id, offer);
        channel.send(types.offer, offer.id, ...writeOffer(offer.message));
      }
      return true;
    }
    for (const offer of batch) offer.release();
    if (result === 'gone') channel.end('the socket for descriptors is closed');
    // Otherwise there is room again when the taker has responded to one.
    else if (sent.size === 0) for (const offer of batch) offer.onLost('full', 'too many descriptors are on their way');
    return false;
  }
}
