import { events, type Position } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { KeptMessage } from '@gopush/store';
import { decodePublication, type Publication } from '../codec/publication.ts';
import { DeliveredKeys } from '../idempotency/delivered-keys.ts';
import { ReceivedKeys } from '../idempotency/received-keys.ts';
import { nameOfClients } from '../names/room-names.ts';
import type { RoomMembers } from '../stream/room-stream-events.ts';
import { historyEvent, keptEvent, positionEvent, unkeptEvent } from './client-event.ts';
import type { Clients } from './clients.ts';
import { RecentDeliveries } from './recent-deliveries.ts';
import type { Subscriber } from './subscriber.ts';
import { Subscribers } from './subscribers.ts';

/** What delivering to the members of rooms needs. */
export interface RoomDeliveryOptions {
  readonly clients: Clients;
  /** Name of this node on the bus. */
  readonly node: string;
  /** How long an idempotency key is remembered, in milliseconds: `pushServer.history.ageMs`. */
  readonly keepKeysMs: number;
  /** Whether clients get the sender of each message: `pushServer.senders`. */
  readonly senders: boolean;
  readonly counts: { gaps: number; repeated: number };
  /** A stored message of a room or user cannot be decoded. */
  readonly onUndecodable: (of: string, error: unknown) => void;
  readonly log: Logger;
}

/** Delivers messages to the members of rooms on this node: to Socket.IO clients as a group, then to each other subscriber. */
export class RoomDelivery {
  /** Idempotency keys of what this node delivered recently. */
  readonly deliveredKeys: DeliveredKeys;
  /** Idempotency keys of what its clients received elsewhere. */
  readonly receivedKeys = new ReceivedKeys();
  readonly recent = new RecentDeliveries();
  /** Subscribers that are no Socket.IO clients. */
  readonly subscribers = new Subscribers();
  /** A stored message of a room or user cannot be decoded. */
  readonly onUndecodable: RoomDeliveryOptions['onUndecodable'];
  readonly #options: RoomDeliveryOptions;

  constructor(options: RoomDeliveryOptions) {
    this.#options = options;
    this.onUndecodable = options.onUndecodable;
    this.deliveredKeys = new DeliveredKeys(options.keepKeysMs);
  }

  /**
   * Delivers a message that is kept, in order.
   *
   * @throws Error if it cannot be decoded
   */
  deliver(members: RoomMembers, message: KeptMessage, position: Position): void {
    const { room } = members;
    const publication = decodePublication(message.payload);
    const { id } = publication;
    this.recent.add(room, position, performance.now());
    const before = id === undefined ? undefined : this.deliveredKeys.add(room, id);
    if (before !== undefined) {
      this.#deliverToLatecomers(members, publication, position, before);
      return;
    }
    const { clients, senders } = this.#options;
    const already = this.receivedKeys.receiversOf(room, id);
    for (const member of already) {
      if (members.turnOf(member) !== undefined) clients.emit(member, [], positionEvent(room, position));
    }
    clients.emit(room, [...exceptOf(publication), ...already], keptEvent(room, publication, position, senders));
    this.#deliverToSubscribers(room, publication, position);
  }

  /** Delivers a message that is not kept, and so has no position in its room. One with an id is delivered once. */
  deliverUnkept(room: string, publication: Publication, volatile: boolean): void {
    const { clients, senders, node, counts } = this.#options;
    const { id } = publication;
    let delivery: Position | undefined;
    if (id !== undefined) {
      if (this.deliveredKeys.addUnkept(room, id, () => this.recent.addOwn()) !== undefined) {
        counts.repeated++;
        return;
      }
      delivery = { epoch: node, offset: this.recent.count };
    }
    const except = [...exceptOf(publication), ...this.receivedKeys.receiversOf(room, id)];
    clients.emit(room, except, unkeptEvent(room, publication, senders, delivery), volatile);
    this.#deliverToSubscribers(room, publication, null);
  }

  /** Whether a message with this id was delivered here recently. */
  wasDelivered(room: string, id: string | undefined): boolean {
    return id !== undefined && this.deliveredKeys.turnOf(room, id) !== undefined;
  }

  /** A message could not be decoded: members miss it. */
  undeliverable(room: string, position: Position, error: unknown): void {
    this.onUndecodable(room, error);
    this.gap(room, position);
  }

  /** Members miss messages up to this position, for good. */
  gap(room: string, position: Position): void {
    this.#options.counts.gaps++;
    this.#emitHistoryEvent(events.gap, room, position);
    for (const subscriber of this.subscribers.of(room)) {
      try {
        subscriber.gap(room, position);
      } catch (error) {
        this.#failed(room, error);
      }
    }
  }

  /** The history of a room begins here. */
  began(room: string, position: Position): void {
    this.#emitHistoryEvent(events.epoch, room, position);
  }

  /**
   * Gives one subscriber a message that it missed.
   *
   * @returns whether it could be decoded
   */
  deliverMissed(subscriber: Subscriber, room: string, position: Position, payload: Buffer): boolean {
    try {
      const publication = decodePublication(payload);
      const { id, except } = publication;
      if (this.receivedKeys.receiversOf(room, id).has(subscriber.id)) subscriber.skip(room, position);
      else if (except !== subscriber.id) subscriber.receive(room, publication, position);
      return true;
    } catch (error) {
      this.onUndecodable(room, error);
      return false;
    }
  }

  /**
   * Delivers a message that is kept now, but was already delivered without being kept. Members that entered the room since then get the message.
   * Others get only its position, so that they do not take it for one that they missed.
   *
   * @param turn - in which turn it went out
   */
  #deliverToLatecomers(members: RoomMembers, publication: Publication, position: Position, turn: number): void {
    const { clients, senders, counts } = this.#options;
    const { room } = members;
    counts.repeated++;
    const late = new Set(members.enteredSince(turn));
    for (const member of this.receivedKeys.receiversOf(room, publication.id)) late.delete(member);
    clients.emit(room, [...late], positionEvent(room, position));
    const event = keptEvent(room, publication, position, senders);
    // Each socket is in a room of its own.
    for (const member of late) clients.emit(member, exceptOf(publication), event);
    for (const subscriber of this.subscribers.of(room)) {
      try {
        if (late.has(subscriber.id)) subscriber.receive(room, publication, position);
        else subscriber.skip(room, position);
      } catch (error) {
        this.#failed(room, error);
      }
    }
  }

  #deliverToSubscribers(room: string, publication: Publication, position: Position | null): void {
    for (const subscriber of this.subscribers.of(room)) {
      try {
        subscriber.receive(room, publication, position);
      } catch (error) {
        this.#failed(room, error);
      }
    }
  }

  /** Events about a user's own room are not for its clients. */
  #emitHistoryEvent(event: string, room: string, position: Position): void {
    const name = nameOfClients(room);
    if (name !== undefined) this.#options.clients.emit(room, [], historyEvent(event, name, position));
  }

  /** One subscriber that fails must not keep others from the message. */
  #failed(room: string, error: unknown): void {
    this.#options.log.error({ room, err: error }, 'a message could not be sent to a listener');
  }
}

function exceptOf({ except }: Publication): readonly string[] {
  return except === undefined ? none : [except];
}

const none: readonly string[] = [];
