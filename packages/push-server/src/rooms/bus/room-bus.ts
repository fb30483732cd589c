import type { Logger } from '@gopush/service';
import { nameOfClients } from '../names/room-names.ts';
import type { Bus } from './bus.ts';
import { type BusMessage, decodeBusMessage, encodeBusMessage, type Notice, type RoomMessage } from './bus-message.ts';
import { type NodeEvents, noEvents } from './node-events.ts';

/** Takes what other nodes tell about rooms. */
export interface RoomListener {
  receive(message: RoomMessage): void;
  /** Something that other nodes told may not have come here. */
  gap(): void;
}

/** What push-servers tell each other over the bus: messages of rooms, and notices about users and sessions. */
export class RoomBus {
  readonly #bus: Bus;
  /** Sessions that were taken in this turn of the event loop, each with the node that gave it. */
  #taken: (readonly [node: string, socket: string])[] = [];
  #nodeEvents = noEvents;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Name of this node. */
  get node(): string {
    return this.#bus.node;
  }

  /** Begins to pass on what comes from other nodes. */
  start(rooms: RoomListener, log: Logger): void {
    this.#bus.onMessage((bytes) => {
      try {
        this.#receive(decodeBusMessage(bytes), rooms);
      } catch (error) {
        log.error({ err: error }, 'a message from another push-server cannot be decoded; does it run another version?');
      }
    });
    this.#bus.onGap(() => {
      rooms.gap();
      this.#nodeEvents.onGap();
    });
  }

  /** Sets who is told of notices. One listener. */
  listen(listener: NodeEvents): void {
    this.#nodeEvents = listener;
  }

  /**
   * Makes other nodes send the messages of a room here. Messages to a user need no following: they are sent to the nodes where presence
   * knows the user.
   */
  follow(room: string, onLate: () => void): Promise<void> {
    return nameOfClients(room) === undefined ? nothingToDo : this.#bus.follow(room, onLate);
  }

  unfollow(room: string): void {
    if (nameOfClients(room) !== undefined) this.#bus.unfollow(room);
  }

  /**
   * Tells other nodes about a room: the given ones, or those that follow it.
   *
   * @returns resolves when they learn of it although this process dies ({@link Bus})
   */
  tellRoom(room: string, message: RoomMessage, nodes: readonly string[] | undefined): Promise<unknown> {
    if (nodes === undefined && nameOfClients(room) !== undefined)
      return this.#bus.publishTo(room, encodeBusMessage(message));
    return this.#send(message, nodes);
  }

  /** Tells this node and others that something waits for a user. @param nodes - `undefined`: all. @returns as {@link tellRoom} */
  tellInbox(uid: string, nodes: readonly string[] | undefined): Promise<unknown> {
    this.#nodeEvents.onInbox(uid);
    return this.#send(['inbox', uid], nodes);
  }

  /** Tells this node and all others that the devices of a user enter a room, or leave it. */
  tellMove(uid: string, room: string, change: 'join' | 'leave'): void {
    this.#nodeEvents.onMove(uid, room, change);
    void this.#send(['move', uid, room, change]);
  }

  /** Tells this node and all others that the connections of a user end. */
  tellEnd(uid: string): void {
    this.#nodeEvents.onEnd(uid);
    void this.#send(['end', uid]);
  }

  /** Tells all other nodes that clients came back. */
  tellBack(pids: readonly string[]): void {
    void this.#send(['back', pids]);
  }

  /**
   * Tells the node that gave a session that this one has taken it, at the end of the turn: when a node stops, another one takes hundreds in a turn,
   * and what is sent at once leaves in one write.
   */
  tellTaken(node: string, socket: string): void {
    if (node === this.node) this.#nodeEvents.onTaken(socket);
    else if (this.#taken.push([node, socket]) === 1) setImmediate(() => this.#sendTaken());
  }

  #sendTaken(): void {
    const taken = this.#taken;
    this.#taken = [];
    for (const [node, socket] of taken) void this.#bus.send(node, encodeBusMessage(['taken', socket]));
  }

  /** Sends to other nodes: the given ones, or all. */
  #send(message: BusMessage, nodes?: readonly string[]): Promise<unknown> {
    const bytes = encodeBusMessage(message);
    if (nodes === undefined) return this.#bus.publish(bytes);
    return Promise.all(nodes.map((node) => (node === this.node ? undefined : this.#bus.send(node, bytes))));
  }

  #receive(message: BusMessage, rooms: RoomListener): void {
    switch (message[0]) {
      case 'kept':
      case 'live':
      case 'known':
        rooms.receive(message);
        return;
      default:
        this.#notice(message);
    }
  }

  #notice(notice: Notice): void {
    const heard = this.#nodeEvents;
    switch (notice[0]) {
      case 'inbox':
        heard.onInbox(notice[1]);
        return;
      case 'move':
        heard.onMove(notice[1], notice[2], notice[3]);
        return;
      case 'end':
        heard.onEnd(notice[1]);
        return;
      case 'back':
        for (const pid of notice[1]) heard.onBack(pid);
        return;
      case 'taken':
        heard.onTaken(notice[1]);
    }
  }
}

const nothingToDo = Promise.resolve();
