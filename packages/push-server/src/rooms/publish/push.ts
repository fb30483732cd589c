import { randomUUID } from 'node:crypto';
import {
  type Config,
  events,
  failed,
  type KeysOf,
  maxDepthOfPrograms,
  maxPresencePage,
  type Position,
  type PresencePage,
  type PresenceRequest,
  type Published,
  type Result,
  refuseUnknownKeys,
  shapeOf,
  success,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import {
  type Appended,
  type DeliveryStatus,
  decodeValue,
  encodeValue,
  isBack,
  type PresenceCounts,
  type Store,
  StoreError,
  type UserPresence,
} from '@gopush/store';
import type { Server } from 'socket.io';
import type { Saying } from '../../emit/saying.ts';
import type { Bus } from '../bus/bus.ts';
import { decodePublication, encodePublication, type Publication } from '../codec/publication.ts';
import { createUndecodableLog } from '../codec/undecodable-log.ts';
import { historyEvent, messageEvent, positionEvent } from '../delivery/client-event.ts';
import type { RecentDeliveries } from '../delivery/recent-deliveries.ts';
import { type SubscriberMessage, type Subscribers, subscriberMessageOf } from '../delivery/subscribers.ts';
import { DeliveredKeys } from '../idempotency/delivered-keys.ts';
import { ReceivedKeys } from '../idempotency/received-keys.ts';
import {
  nameOfClients,
  roomOfClients,
  roomOfProduct,
  roomOfUser,
  type ScopeOf,
  withoutScope,
} from '../names/room-names.ts';
import { createRoomStreams, type RoomStreams } from '../stream/room-streams.ts';
import { checkPush } from './check-push.ts';

/** How something is said to a room. */
export interface RoomOptions {
  /** Id of a socket that is not to get it: the sender. */
  readonly except?: string;
  /** Uid of the client that publishes it: members are told where `pushServer.senders` is on. @defaultValue a program, `null` for members */
  readonly sender?: string;
  /** Saying the same with the same id again, within the time of the history, says it once. */
  readonly id?: string;
  /**
   * Whether it is kept: `must` does nothing where it cannot be (`not_durable`), `try` says it to those who are reached now, `no`
   * does not keep it. Where it is not known whether it was kept, both end with `not_durable`. @defaultValue `'try'`
   */
  readonly keep?: 'must' | 'try' | 'no';
  /** Whether clients that are behind in reading are left out; with `keep: 'no'`. @defaultValue false */
  readonly volatile?: boolean;
}

/** How something is said to a user. */
export interface UserOptions {
  /**
   * `online`: to the devices that are connected now; `store`: until one of them has acknowledged it. @defaultValue `'online'`
   */
  readonly deliver?: 'online' | 'store';
  /** With `store`: how long it waits, in milliseconds. @defaultValue `pushServer.inbox.ttlMs` */
  readonly ttlMs?: number;
  /** Saying the same with the same id again says it once. @defaultValue one of its own */
  readonly id?: string;
  /** With `online`: as for a room. @defaultValue `'try'` */
  readonly keep?: RoomOptions['keep'];
}

const roomKeys: KeysOf<RoomOptions> = { except: true, sender: true, id: true, keep: true, volatile: true };

const userKeys: KeysOf<UserOptions> = { deliver: true, ttlMs: true, id: true, keep: true };

/** What became of something that was said to a user. */
export interface UserDelivery {
  readonly id: string;
  /** `sent` to devices that are connected; `waiting` for the user; `offline`: nobody was there; `duplicate`: it was said before. */
  readonly state: 'sent' | 'waiting' | 'offline' | 'duplicate';
  /** Devices that are connected now. */
  readonly devices: number;
  /** Present where only devices at the push-server that took it were reached: the others could not be, and it was not kept. */
  readonly partial?: true;
}

/** A part of a room's history. */
export interface History {
  readonly position: Position | null;
  /** Oldest offset that is kept. */
  readonly first: number;
  readonly messages: readonly {
    readonly offset: number;
    readonly at: number;
    readonly event: string;
    readonly message: unknown;
    /** Uid of the client that published it, where that is recorded. */
    readonly sender?: string;
  }[];
}

/** Publishes to a room by its full name. Failures: `not_durable`. */
export type Publish = (
  room: string,
  event: string,
  message: unknown,
  options: RoomOptions,
) => Promise<Result<Published>>;

/** Who is in a room, by its full name, a page at a time. */
export type PresenceIn = (room: string, limit: number, after: string | undefined) => Promise<Result<PresencePage>>;

/**
 * Speaks to clients, whichever push-server they are on. What the HTTP API, hooks and programs use.
 *
 * A room or an event is text of 1 to 256 bytes without control characters, a uid as a hook may return it; so a name that a client sent may be
 * passed on as it is. What a wrong name is given to does nothing: its result is `room_invalid`, `event_invalid` or `payload_invalid`; where there
 * is no result, the log has it.
 */
export interface Push {
  /**
   * The same for the rooms and users of one product, where `pushServer.isolateProducts` is on. The plain `push` is that of the product
   * `default`, but its `toAll` reaches the clients of all products.
   */
  of(product: string): Push;
  /**
   * Says an event to all in a room. Failures: `not_durable`; `room_invalid` and `event_invalid` for names that clients could not use either;
   * `payload_invalid` for a message that is nested deeper than 128, has more than 16 MiB or cannot be written as JSON.
   */
  toRoom(room: string, event: string, message: unknown, options?: RoomOptions): Promise<Result<Published>>;
  /** Says an event to all devices of a user; an unknown option is a TypeError. Failures: `not_durable`, `inbox_full`, `payload_invalid` as for a room. */
  toUser(uid: string, event: string, message: unknown, options?: UserOptions): Promise<Result<UserDelivery>>;
  /**
   * Says an event to everyone who is connected; not kept.
   *
   * @returns what became of it: `partial` where only clients of this push-server were reached
   */
  toAll(event: string, message: unknown): { readonly partial?: true };
  /** What was said in a room. Failures: `not_durable` while the store is away. */
  history(room: string, after: number, limit: number): Promise<Result<History>>;
  readonly presence: {
    user(uid: string): Promise<Result<UserPresence>>;
    /** Everyone in a room, read by pages. */
    room(room: string): Promise<Result<readonly { readonly uid: string; readonly devices: number }[]>>;
    /** Some of those in a room: as many as are wanted, at most 1,000. Failures: `not_durable`, `payload_invalid`. */
    page(room: string, options?: Omit<PresenceRequest, 'room'>): Promise<Result<PresencePage>>;
    counts(): Promise<Result<PresenceCounts>>;
  };
  readonly inbox: {
    status(uid: string, id: string): Promise<Result<DeliveryStatus>>;
    pending(
      uid: string,
      limit: number,
    ): Promise<Result<readonly { id: string; event: string; message: unknown; at: number }[]>>;
    ack(uid: string, ids: readonly string[]): Promise<Result<number>>;
  };
  /** Ends all connections of a user, who is told so and does not come back by themselves. */
  disconnectUser(uid: string): void;
  /** Ends one connection in the same way. */
  disconnectSocket(id: string): void;
  /** Puts all devices of a user into a room, or takes them out of it. */
  moveUser(uid: string, room: string, change: 'join' | 'leave'): void;
}

/** What push-servers tell each other. */
type BusMessage =
  | readonly ['kept', room: string, epoch: string, offset: number, at: number, payload: Uint8Array]
  | readonly ['live', room: string, payload: Uint8Array, volatile: boolean]
  | readonly ['known', room: string, position: Position]
  | readonly ['inbox', uid: string]
  | readonly ['move', uid: string, room: string, change: 'join' | 'leave']
  | readonly ['end', uid: string]
  | readonly ['back', pids: readonly string[]]
  | readonly ['taken', socket: string];

/** What happens on this node because of something another one did. Users are named by their uids after the scope of their product. */
export interface PushEvents {
  /** Something that another node did may not have come here. */
  onGap(): void;
  /** Something new waits for a user. */
  onInbox(uid: string): void;
  onMove(uid: string, room: string, change: 'join' | 'leave'): void;
  /** All connections of a user are to end; Socket.IO ends its own by itself. */
  onEnd(uid: string): void;
  /** A client has come back to another node, which looks for its session. */
  onBack(pid: string): void;
  /** A session that this node has handed over goes on. */
  onTaken(socket: string): void;
}

/** What saying something needs. */
export interface PushOptions {
  readonly io: Server;
  readonly store: Store;
  readonly bus: Bus;
  /** Whether the bus reaches the other nodes. */
  readonly isJoined: () => boolean;
  readonly config: Config['pushServer'];
  /** The scope of a product. */
  readonly scopeOf: ScopeOf;
  readonly log: Logger;
  /** Counts what is said and given. */
  readonly counts: PushCounts;
  /** Remembers what was given. */
  readonly recent: RecentDeliveries;
  /** Gives an event to the clients of this node in a room. */
  readonly emit: (room: string, except: readonly string[], saying: Saying, volatile?: boolean) => void;
  /** Who on this node hears rooms besides those clients. */
  readonly subscribers: Subscribers;
  /** Told, on the node that says it, of everything that is said to a room or user. */
  readonly onSaid?: (room: string, said: SubscriberMessage) => void;
}

/** What was said and given since the start. */
export interface PushCounts {
  published: number;
  /** Messages that were kept. */
  kept: number;
  /** Messages that could not be kept. */
  notKept: number;
  gaps: number;
  /** Messages with an id that were given here before, and not again. */
  repeated: number;
  /** Stored messages that could not be decoded: damaged, or of another version. */
  undecodable: number;
  /** Messages read from a log for members that missed them live. */
  filled: number;
  /** Clients that came back to a place in a room and were given all they had missed. */
  recovered: number;
  /** Clients that came back to a place that the room's history does not reach back to. */
  notRecovered: number;
}

/** Opens what speaks to clients: the one place that emits to rooms. */
export function createPush(options: PushOptions): {
  push: Push;
  publish: Publish;
  presenceIn: PresenceIn;
  streams: RoomStreams;
  deliveredKeys: DeliveredKeys;
  receivedKeys: ReceivedKeys;
  listen(listener: PushEvents): void;
  tellBack(pids: readonly string[]): void;
  tellTaken(node: string, socket: string): void;
} {
  const { io, store, bus, isJoined, config, scopeOf, log, counts, recent, emit, subscribers, onSaid } = options;
  const { history: limits, senders } = config;
  const deliveredKeys = new DeliveredKeys(limits.ageMs);
  const receivedKeys = new ReceivedKeys();
  const streams = createRoomStreams(store.history, {
    turn: () => deliveredKeys.turn,
    // What is said to a user is sent to the nodes where presence knows them.
    follow: (room, onLate) => (nameOfClients(room) === undefined ? nothingToDo : bus.follow(room, onLate)),
    unfollow(room) {
      if (nameOfClients(room) !== undefined) bus.unfollow(room);
    },
    deliver(room, { payload }, position) {
      const said = decodePublication(payload);
      recent.add(room, position, performance.now());
      const before = said.id === undefined ? undefined : deliveredKeys.add(room, said.id);
      if (before !== undefined) {
        giveToLatecomers(room, said, position, before);
        return;
      }
      const passed = receivedKeys.whoHad(room, said.id);
      for (const member of passed) if (isMember(room, member)) emit(member, [], positionEvent(room, position));
      emit(room, [...exceptOf(said), ...passed], messageEvent(room, said, position, senders));
      hearAll(room, said, position);
    },
    undeliverable(room, position, error) {
      undecodable(room, error);
      tellGap(room, position);
    },
    undecodable,
    gap: tellGap,
    began(room, position) {
      tellMembers(room, events.epoch, position);
    },
    failed(room, error) {
      log.warn({ room, err: error }, 'the history of a room cannot be read; it is tried again');
    },
  });
  /** A message that cannot be decoded comes again with each client that asks for it: a room is named once. */
  const warnOnce = createUndecodableLog(log);
  let heard: PushEvents = { onGap() {}, onInbox() {}, onMove() {}, onEnd() {}, onBack() {}, onTaken() {} };
  bus.onMessage((bytes) => {
    try {
      receive(decodeValue(bytes) as BusMessage);
    } catch (error) {
      log.error({ err: error }, 'a message of another push-server cannot be read; is it of another version?');
    }
  });
  bus.onGap(() => {
    streams.catchUp('bus');
    heard.onGap();
  });
  const offState = store.onState((state, before) => {
    if (isBack(state, before)) streams.catchUp('store');
  });

  /**
   * Gives a message that went out without being kept, and is kept now, to those who have entered the room since. Others are told of its place,
   * so that it is not taken for one that they have missed.
   */
  function giveToLatecomers(room: string, said: Publication, position: Position, turn: number): void {
    counts.repeated++;
    const late = new Set(streams.since(room, turn));
    for (const member of receivedKeys.whoHad(room, said.id)) late.delete(member);
    emit(room, [...late], positionEvent(room, position));
    const saying = messageEvent(room, said, position, senders);
    // Each socket is in a room of its own.
    for (const member of late) emit(member, exceptOf(said), saying);
    const heard = subscriberMessageOf(said, position);
    for (const subscriber of subscribers.of(room)) {
      attempt(room, () =>
        late.has(subscriber.id) ? subscriber.receive(room, heard) : subscriber.skip(room, position),
      );
    }
  }

  function isMember(room: string, socket: string): boolean {
    return streams.turnOf(room, socket) !== undefined;
  }

  function undecodable(of: string, error: unknown): void {
    counts.undecodable++;
    warnOnce(of, error);
  }

  function tellGap(room: string, position: Position): void {
    counts.gaps++;
    tellMembers(room, events.gap, position);
    for (const subscriber of subscribers.of(room)) attempt(room, () => subscriber.gap(room, position));
  }

  /** One who hears a room must not keep others from it. */
  function attempt(room: string, tellOne: () => void): void {
    try {
      tellOne();
    } catch (error) {
      log.error({ room, err: error }, 'a listener could not be given a message');
    }
  }

  /** What clients need to know of a room's history; that of their own user is not theirs to follow. */
  function tellMembers(room: string, event: string, position: Position): void {
    const name = nameOfClients(room);
    if (name !== undefined) emit(room, [], historyEvent(event, name, position));
  }

  /** Gives a message that is not kept, and so has no mark that tells its room. One with an id is given once. */
  function give(room: string, said: Publication, volatile: boolean): void {
    let own: Position | undefined;
    if (said.id !== undefined) {
      const count = (): number => recent.addOwn();
      if (deliveredKeys.addUnkept(room, said.id, count) !== undefined) {
        counts.repeated++;
        return;
      }
      own = { epoch: bus.node, offset: recent.count };
    }
    const except = [...exceptOf(said), ...receivedKeys.whoHad(room, said.id)];
    emit(room, except, messageEvent(room, said, null, senders, own), volatile);
    hearAll(room, said, null);
  }

  function receive(message: BusMessage): void {
    switch (message[0]) {
      case 'kept': {
        const [, room, epoch, offset, at, payload] = message;
        streams.receive(room, epoch, { offset, at, payload: asBuffer(payload) });
        return;
      }
      case 'live':
        give(message[1], decodePublication(asBuffer(message[2])), message[3]);
        return;
      case 'known':
        streams.heardOf(message[1], message[2]);
        return;
      case 'inbox':
        heard.onInbox(message[1]);
        return;
      case 'move':
        heard.onMove(message[1], message[2], message[3]);
        return;
      case 'end':
        heard.onEnd(message[1]);
        return;
      case 'back':
        message[1].forEach(heard.onBack);
        return;
      case 'taken':
        heard.onTaken(message[1]);
    }
  }

  /** A stored message; `undefined` where it cannot be decoded. */
  function decodeOr(of: string, payload: Buffer): Publication | undefined {
    try {
      return decodePublication(payload);
    } catch (error) {
      undecodable(of, error);
      return undefined;
    }
  }

  function hearAll(room: string, message: Publication, position: Position | null): void {
    let said: SubscriberMessage | undefined;
    for (const subscriber of subscribers.of(room)) {
      said ??= subscriberMessageOf(message, position);
      const heard = said;
      attempt(room, () => subscriber.receive(room, heard));
    }
  }

  /** Tells other nodes of something that is said to a room: those given, or those that follow it. */
  function tellRoom(room: string, message: BusMessage, nodes: readonly string[] | undefined): void {
    if (nodes === undefined && nameOfClients(room) !== undefined) bus.publishTo(room, encodeValue(message));
    else tell(message, nodes);
  }

  /** Tells other nodes: those given, or all. */
  function tell(message: BusMessage, nodes?: readonly string[]): void {
    const bytes = encodeValue(message);
    if (nodes === undefined) bus.publish(bytes);
    else for (const node of nodes) if (node !== bus.node) bus.send(node, bytes);
  }

  async function say(
    room: string,
    event: string,
    message: unknown,
    how: RoomOptions,
    nodes?: () => Promise<readonly string[] | undefined>,
  ): Promise<Result<Published>> {
    counts.published++;
    const said: Publication = { event, message, except: how.except, sender: how.sender, id: how.id };
    const encoded = encodePublication(said);
    if (!encoded.ok) return encoded;
    // A handler that does not look at the promise must not end the process by it.
    return sayEncoded(room, said, encoded.value, how, nodes).catch((cause: unknown) => {
      log.error({ room, err: cause }, 'a message could not be published');
      return failed('internal', undefined, cause);
    });
  }

  async function sayEncoded(
    room: string,
    said: Publication,
    payload: Buffer,
    { keep = 'try', volatile = false }: RoomOptions,
    nodes: (() => Promise<readonly string[] | undefined>) | undefined,
  ): Promise<Result<Published>> {
    const isKept = limits.count > 0 && keep !== 'no' && (keep === 'must' || store.state() === 'up');
    if (isKept) {
      const kept = await keepIt(room, payload, said.id);
      if (kept.ok) return giveKept(room, said, payload, kept.value, async () => nodes?.().catch(() => undefined));
      // If it was kept after all, members get it from the log: saying it now as well would say it twice.
      if (keep === 'must' || isUncertain(kept.failure.cause)) return kept;
    } else if (keep === 'must') return failed('not_durable', 'rooms keep no history: pushServer.history.count is 0');
    else if (keep === 'try' && limits.count > 0) counts.notKept++;
    if (wasGiven(room, said)) {
      counts.repeated++;
      return success({ position: null, duplicate: true });
    }
    give(room, said, volatile);
    tellRoom(room, ['live', room, payload, volatile], await nodes?.());
    onSaid?.(room, subscriberMessageOf(said, null));
    return success({ position: null, duplicate: false, ...(isJoined() ? {} : partial) });
  }

  /** @param nodes - those that are told; `undefined`: all that may want it, as it is kept already */
  async function giveKept(
    room: string,
    said: Publication,
    payload: Buffer,
    { epoch, offset, duplicate }: Appended,
    nodes: () => Promise<readonly string[] | undefined>,
  ): Promise<Result<Published>> {
    const position = { epoch, offset };
    if (duplicate) {
      // Whoever tried before may not have come to know that it was kept, and so told nobody.
      streams.heardOf(room, position);
      tellRoom(room, ['known', room, position], await nodes());
      return success({ position, duplicate });
    }
    const isRepeated = wasGiven(room, said);
    const at = Date.now();
    streams.receive(room, epoch, { offset, at, payload });
    // Where there are members it is, when they are given it.
    if (said.id !== undefined && !streams.has(room)) deliveredKeys.add(room, said.id);
    tellRoom(room, ['kept', room, epoch, offset, at, payload], await nodes());
    if (!isRepeated) onSaid?.(room, subscriberMessageOf(said, position));
    return success({ position, duplicate: isRepeated });
  }

  function wasGiven(room: string, { id }: Publication): boolean {
    return id !== undefined && deliveredKeys.turnOf(room, id) !== undefined;
  }

  async function keepIt(room: string, payload: Buffer, id: string | undefined): Promise<Result<Appended>> {
    try {
      const appended = await store.history.append(room, payload, limits, id);
      if (!appended.duplicate) counts.kept++;
      return success(appended);
    } catch (error) {
      counts.notKept++;
      log.debug({ room, err: error }, 'a message was not kept');
      return failed('not_durable', undefined, error);
    }
  }

  async function toInbox(
    uid: string,
    event: string,
    message: unknown,
    options: UserOptions,
  ): Promise<Result<UserDelivery>> {
    const { id = randomUUID(), ttlMs = config.inbox.ttlMs } = options;
    const encoded = encodePublication({ event, message, except: undefined, sender: undefined });
    if (!encoded.ok) return encoded;
    const put = await asked(() => store.inbox.put(uid, id, encoded.value, { ttlMs }, config.inbox));
    if (!put.ok) return put;
    // It waits now, whatever becomes of this.
    const user = await store.presence.user(uid).catch(() => undefined);
    const devices = user?.devices ?? 0;
    // Whoever put it before may not have come to know that, and so told nobody; 0: it was acknowledged already.
    if (put.value.seq > 0) {
      heard.onInbox(uid);
      tell(['inbox', uid], user?.nodes);
    }
    return success({ id, state: put.value.state === 'duplicate' ? 'duplicate' : 'waiting', devices });
  }

  async function toOnline(
    uid: string,
    event: string,
    message: unknown,
    options: UserOptions,
  ): Promise<Result<UserDelivery>> {
    const { id = randomUUID(), keep } = options;
    let devices = 0;
    // After it is kept: a device that is not there yet then finds it in the log.
    const look = async (): Promise<readonly string[] | undefined> => {
      const user = await store.presence.user(uid).catch(() => undefined);
      devices = user?.devices ?? io.of('/').adapter.rooms.get(roomOfUser(uid))?.size ?? 0;
      return user?.nodes;
    };
    const how = { ...(options.id === undefined ? {} : { id }), ...(keep === undefined ? {} : { keep }) };
    const said = await say(roomOfUser(uid), event, message, how, look);
    if (!said.ok) return said;
    if (said.value.duplicate) {
      await look();
      return success({ id, state: 'duplicate', devices });
    }
    return success({ id, state: devices > 0 ? 'sent' : 'offline', devices, ...(said.value.partial && partial) });
  }

  const presenceIn: PresenceIn = (room, limit, after) =>
    asked(async () => {
      const { users, next = null } = await store.presence.room(room, limit, after);
      return { users: users.map(({ uid, devices }) => ({ uid: withoutScope(uid), devices })), next };
    });

  async function everyoneIn(room: string): ReturnType<Push['presence']['room']> {
    const users: { uid: string; devices: number }[] = [];
    for (let after: string | undefined; ; ) {
      const page = await presenceIn(room, maxPresencePage, after);
      if (!page.ok) return page;
      users.push(...page.value.users);
      if (page.value.next === null) return success(users);
      after = page.value.next;
    }
  }

  /** @param product - `undefined`: the default one, whose `toAll` reaches everyone */
  const pushOf = (product: string | undefined): Push => {
    const scope = product === undefined ? '' : scopeOf(product);
    return {
      of: pushOf,
      toRoom(room, event, message, roomOptions = {}) {
        refuseUnknownKeys('toRoom', roomOptions, roomKeys);
        return say(roomOfClients(room, scope), event, message, roomOptions);
      },
      toUser(uid, event, message, userOptions = {}) {
        refuseUnknownKeys('toUser', userOptions, userKeys);
        return (userOptions.deliver === 'store' ? toInbox : toOnline)(scope + uid, event, message, userOptions);
      },
      toAll(event, message) {
        counts.published++;
        if (shapeOf(message, maxDepthOfPrograms) === 'deep') {
          log.error({ event }, `a message to everyone is nested deeper than ${maxDepthOfPrograms} and is not sent`);
          return {};
        }
        if (product !== undefined && config.isolateProducts) io.to(roomOfProduct(product)).emit(event, message);
        else io.emit(event, message);
        return isJoined() ? {} : partial;
      },
      history: (room, after, limit) =>
        asked(async () => {
          const { epoch, first, last, messages } = await store.history.read(roomOfClients(room, scope), after, limit);
          return {
            position: epoch === undefined ? null : { epoch, offset: last },
            first,
            messages: messages.flatMap(({ offset, at, payload }) => {
              const said = decodeOr(room, payload);
              if (said === undefined) return [];
              const { event, message, sender } = said;
              return [{ offset, at, event, message, ...(sender === undefined ? {} : { sender }) }];
            }),
          };
        }),
      presence: {
        user: (uid) => asked(() => store.presence.user(scope + uid)),
        room: (room) => everyoneIn(roomOfClients(room, scope)),
        page: (room, { limit = maxPresencePage, after } = {}) =>
          presenceIn(roomOfClients(room, scope), limit, after ?? undefined),
        counts: () => asked(() => store.presence.counts()),
      },
      inbox: {
        status: (uid, id) => asked(() => store.inbox.status(scope + uid, id)),
        ack: (uid, ids) => asked(() => store.inbox.ack(scope + uid, ids)),
        pending: (uid, limit) =>
          asked(async () => {
            const waiting = await store.inbox.pending(scope + uid, 0, limit);
            return waiting.flatMap(({ id, at, payload }) => {
              const said = decodeOr(uid, payload);
              return said === undefined ? [] : [{ id, event: said.event, message: said.message, at }];
            });
          }),
      },
      disconnectUser(uid) {
        io.in(roomOfUser(scope + uid)).disconnectSockets(true);
        heard.onEnd(scope + uid);
        tell(['end', scope + uid]);
      },
      disconnectSocket(id) {
        io.in(id).disconnectSockets(true);
      },
      moveUser(uid, room, change) {
        heard.onMove(scope + uid, room, change);
        tell(['move', scope + uid, room, change]);
      },
    };
  };
  return {
    push: checkPush(pushOf(undefined), log),
    publish: say,
    presenceIn,
    deliveredKeys,
    receivedKeys,
    streams: {
      ...streams,
      get size() {
        return streams.size;
      },
      async join(...asked) {
        const joined = await streams.join(...asked);
        if (joined.recovered !== undefined) counts[joined.recovered ? 'recovered' : 'notRecovered']++;
        return joined;
      },
      close() {
        offState();
        streams.close();
      },
    },
    listen(listener) {
      heard = listener;
    },
    tellBack: (pids) => tell(['back', pids]),
    tellTaken(node, socket) {
      if (node === bus.node) heard.onTaken(socket);
      else tell(['taken', socket], [node]);
    },
  };
}

const nothingToDo = Promise.resolve();

const partial = { partial: true } as const;

async function asked<T>(ask: () => Promise<T>): Promise<Result<T>> {
  try {
    return success(await ask());
  } catch (error) {
    return storeFailed(error);
  }
}

/** Whether a write that was rejected may have been done. */
function isUncertain(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'store_down';
}

/** What a caller is told when the store refuses. */
function storeFailed(error: unknown): Result<never> {
  const code = error instanceof StoreError ? error.code : undefined;
  if (code === 'bad_argument') return failed('payload_invalid', undefined, error);
  return failed(code === 'inbox_full' ? code : 'not_durable', undefined, error);
}

function exceptOf({ except }: Publication): readonly string[] {
  return except === undefined ? [] : [except];
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
