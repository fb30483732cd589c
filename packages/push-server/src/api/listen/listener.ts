import type { Position } from '@gopush/contract';
import type { HistoryStore } from '@gopush/store';
import { writeJson } from '../../http/write-json.ts';
import type { Publication } from '../../rooms/codec/publication.ts';
import type { RoomDelivery } from '../../rooms/delivery/room-delivery.ts';
import type { Subscriber } from '../../rooms/delivery/subscriber.ts';
import { publisherIdOf } from '../../rooms/idempotency/idempotency-key.ts';
import { plainName } from '../../rooms/names/room-names.ts';
import type { NodePresence } from '../../rooms/presence/node-presence.ts';
import type { RoomStreams } from '../../rooms/stream/room-streams.ts';
import { type ListenerPositions, readEventId, writeEventId, writePart } from './event-id.ts';
import type { EndCode, EndReason, Sink, SinkKind } from './sink.ts';

/** Most bytes that wait for one listener. */
const maxWaitingBytes = 1_048_576;

/** Context that the listeners of this node share. */
export interface ListenerContext {
  readonly streams: RoomStreams;
  readonly delivery: RoomDelivery;
  readonly presence: NodePresence;
  readonly history: HistoryStore;
  /** How long the history of a room without new messages is kept, in milliseconds. */
  readonly historyMs: number;
}

/** The rooms of a listener, and its user. */
export interface Listening {
  readonly id: string;
  /** With an identity: the uid, after the scope of its product. */
  readonly user: string | undefined;
  /** Full names of its rooms, those of users included. */
  readonly rooms: readonly string[];
}

/** A subscriber of rooms without Socket.IO: gets each message once and in order, or is notified of a gap. */
export class Listener implements Subscriber {
  readonly listening: Listening;
  readonly #sink: Sink;
  readonly #context: ListenerContext;
  /** Its position in each room, as parts of an id. */
  readonly #parts = new Map<string, string>();
  readonly #devices: readonly { readonly id: string; readonly user: string }[];
  /** Whether it is being given a history. */
  #isCatchingUp = false;
  #closed = false;
  #endCode: EndCode = 'client_gone';

  constructor(listening: Listening, sink: Sink, context: ListenerContext) {
    this.listening = listening;
    this.#sink = sink;
    this.#context = context;
    const { id, user, rooms } = listening;
    const users = rooms.filter((room) => room.startsWith('u:')).map((room) => room.slice(2));
    // Messages to a user are sent to the nodes that have devices of the user: a listener counts as one.
    this.#devices =
      user === undefined ? users.map((heard, at) => ({ id: `${id}.${at}`, user: heard })) : [{ id, user }];
    sink.onClose(() => this.#close());
  }

  /** Begins to send: first the missed messages, then `ready`, then new messages. */
  async open(lastEventId: string | undefined): Promise<void> {
    const { presence } = this.#context;
    const { id, user, rooms } = this.listening;
    const before = lastEventId === undefined ? undefined : readEventId(lastEventId);
    await Promise.all(this.#devices.map((device) => presence.entered(device.id, device.user)));
    // Until a room is entered, ids hold its earlier position, so that nothing is skipped if the listener ends in between.
    for (const room of rooms) {
      const was = before?.of(room);
      if (was !== undefined) this.#parts.set(room, writePart(room, was));
    }
    for (const room of rooms) await this.#enter(room, before, lastEventId !== undefined);
    if (this.#closed) return;
    if (user !== undefined) for (const room of rooms) if (room.startsWith('r:')) presence.joined(id, user, room);
    const named = (kind: string): string[] => rooms.filter((room) => room.startsWith(kind)).map(plainName);
    this.#send('ready', JSON.stringify({ rooms: named('r:'), users: named('u:') }));
  }

  async #enter(room: string, before: ListenerPositions | undefined, comesBack: boolean): Promise<void> {
    const { streams, delivery } = this.#context;
    const was = before?.of(room);
    const begin = comesBack ? await this.#beginOf(room, before, was) : 'now';
    if (this.#closed) return;
    const from = typeof begin === 'object' ? begin : undefined;
    await streams.join(room, this.listening.id, from, (missed, at) => {
      this.#isCatchingUp = true;
      for (const { offset, payload } of missed) {
        const position = { epoch: from?.epoch ?? '', offset };
        if (!delivery.deliverMissed(this, room, position, payload)) this.#gap(room, position);
      }
      this.#isCatchingUp = false;
      this.#parts.set(room, writePart(room, at));
      delivery.subscribers.add(room, this);
      // Before any new message.
      if (begin === 'lost' || (from !== undefined && missed.length === 0 && isElsewhere(from, at))) this.#gap(room, at);
    });
  }

  /** Where to continue: at a position; `now`: nothing can have been missed; `lost`: the missed messages are unknown. */
  async #beginOf(
    room: string,
    before: ListenerPositions | undefined,
    was: Position | null | undefined,
  ): Promise<Position | 'now' | 'lost'> {
    if (before === undefined) return 'lost';
    // It did not listen to this room before.
    if (was === undefined) return 'now';
    if (was !== null) return was;
    try {
      // The history was empty then, so everything in it is new.
      const { epoch } = await this.#context.history.read(room, 0, 0);
      if (epoch !== undefined) return { epoch, offset: 0 };
      return Date.now() - before.at < this.#context.historyMs ? 'now' : 'lost';
    } catch {
      return 'lost';
    }
  }

  receive(room: string, publication: Publication, position: Position | null): void {
    if (position !== null) this.#parts.set(room, writePart(room, position));
    this.#send('message', `{${whereOf(room)},${bodyOf(publication, position)}}`);
    // A history may be larger than the bound.
    if (!this.#isCatchingUp && this.#sink.waiting > maxWaitingBytes) this.end('listener_too_slow');
  }

  gap(room: string, position: Position): void {
    this.#gap(room, position);
  }

  skip(room: string, position: Position): void {
    this.#parts.set(room, writePart(room, position));
  }

  get id(): string {
    return this.listening.id;
  }

  /** Sends a sign of life. */
  beat(): void {
    if (this.#sink.waiting > maxWaitingBytes) this.end('listener_too_slow');
    else this.#sink.beat(this.#eventId);
  }

  end(reason: EndReason): void {
    this.#ends(reason);
    this.#close();
    this.#sink.end(reason);
  }

  /** Cuts it: it was ended before, or it could not begin. */
  cut(): void {
    this.#ends('internal');
    this.#sink.cut();
  }

  get kind(): SinkKind {
    return this.#sink.kind;
  }

  /** Why it ended, once it has. */
  get endCode(): EndCode {
    return this.#endCode;
  }

  get #eventId(): string {
    return writeEventId(Date.now(), this.#parts.values());
  }

  #gap(room: string, position: Position | null): void {
    this.#parts.set(room, writePart(room, position));
    this.#send('gap', `{${whereOf(room)},"position":${JSON.stringify(position)}}`);
  }

  #send(type: 'ready' | 'message' | 'gap', data: string): void {
    if (!this.#closed) this.#sink.send(type, this.#eventId, data);
  }

  /** The first cause counts. */
  #ends(code: EndCode): void {
    if (this.#endCode === 'client_gone') this.#endCode = code;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { streams, delivery, presence } = this.#context;
    const { id, rooms } = this.listening;
    for (const room of rooms) {
      delivery.subscribers.remove(room, this);
      streams.leave(room, id);
    }
    const joined = this.listening.user === undefined ? [] : rooms.filter((room) => room.startsWith('r:'));
    for (const device of this.#devices) presence.gone(device.id, joined);
  }
}

/** Whether the messages after a position cannot be read: none was found, and the members of the room are at another one. */
function isElsewhere(from: Position, at: Position | null): boolean {
  return at === null || at.epoch !== from.epoch || at.offset !== from.offset;
}

function whereOf(room: string): string {
  return `"${room.startsWith('u:') ? 'user' : 'room'}":${JSON.stringify(plainName(room))}`;
}

/** The part of a message that is the same for all listeners, made once. */
function bodyOf(publication: Publication, position: Position | null): string {
  const made = bodies.get(publication);
  if (made?.position === position) return made.body;
  const { event, message, sender, id } = publication;
  const by =
    (sender === undefined ? '' : `"sender":${JSON.stringify(sender)},`) +
    (id === undefined ? '' : `"messageId":${JSON.stringify(publisherIdOf(id))},`);
  const body = `"event":${JSON.stringify(event)},"message":${writeJson(message)},${by}"position":${JSON.stringify(position)}`;
  bodies.set(publication, { position, body });
  return body;
}

const bodies = new WeakMap<Publication, { readonly position: Position | null; readonly body: string }>();
