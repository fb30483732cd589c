import { parseRoom } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { RedisClient } from '@gopush/store';
import { decode } from 'notepack.io';
import type { Namespace } from 'socket.io';
import { Adapter, type BroadcastOptions } from 'socket.io-adapter';
import { isOfOwnKind, roomOfClients } from '../../rooms/names/room-names.ts';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';
import { contain } from '../contain/contain.ts';

/** What `@socket.io/redis-emitter` asks for; the numbers are those of `@socket.io/redis-adapter`. */
const requests = { join: 2, leave: 3, disconnect: 4, serverSideEmit: 6 } as const;

/** How a message begins that an emitter has encoded: a list of three, and its name, which is the same for all emitters. */
const start = Buffer.from('\x93\xa7emitter', 'latin1');

/** How socket.io-parser calls a packet that is an event. */
const eventType = 2;

/** The byte with which requests begin: they are JSON. */
const brace = 0x7b;

/** Puts a client into a room, or takes it out, as if it had asked for that. @returns whether it is one of ours */
export type MoveClient = (socket: string, room: string, change: 'join' | 'leave') => boolean;

/** What emitters need. */
export interface EmittersOptions {
  readonly subscriber: RedisClient;
  readonly prefix: string;
  /** Whether the adapter subscribes to the channels of emitters by itself. */
  readonly isSubscribed: boolean;
  readonly log: Logger;
}

/** Which sockets a request is about, as it travels. */
interface Target {
  readonly rooms: unknown;
  readonly except: unknown;
}

/** What an emitter says to clients. */
type Broadcast = readonly [
  uid: string,
  packet: { readonly nsp?: string; readonly data: unknown },
  how: Target & Pick<BroadcastOptions, 'flags'>,
];

/**
 * Serves programs without Socket.IO that speak by `@socket.io/redis-emitter` with the prefix as its key. In the main namespace they name rooms as clients do:
 * a room that clients named `u:ann` is never taken for the user ann. Handlers' own rooms are reached as well, by other names than those of our kinds; in
 * other namespaces names stay as they are.
 */
export class Emitters {
  readonly #options: EmittersOptions;
  readonly #namespaces = new Map<string, { readonly namespace: Namespace; readonly adapter: Adapter }>();
  #move: MoveClient = () => false;

  constructor(options: EmittersOptions) {
    this.#options = options;
    const { subscriber, log } = options;
    subscriber.on(
      'pmessageBuffer',
      contain((_, channel: Buffer, message: Buffer) => {
        if (this.isTheirs(channel, message)) this.#broadcast(message);
      }, log),
    );
    subscriber.on(
      'messageBuffer',
      contain((channel: Buffer, message: Buffer) => {
        return this.isTheirs(channel, message) ? this.#request(channel, message) : undefined;
      }, log),
    );
  }

  /** Who puts clients into rooms. */
  onMove(move: MoveClient): void {
    this.#move = move;
  }

  /** Whether something that was published is of an emitter. */
  isTheirs(channel: Buffer, message: Buffer): boolean {
    if (message[0] === start[0]) return message.subarray(0, start.length).equals(start);
    if (message[0] !== brace || !channel.toString().startsWith(`${this.#options.prefix}-request#`)) return false;
    // Of push-servers all requests name who asks.
    const { uid } = JSON.parse(message.toString()) as { uid?: unknown };
    return uid === undefined || uid === 'emitter';
  }

  /** The same adapters, and their namespaces are known here. */
  serve(create: AdapterFactory): AdapterFactory {
    const serve = (namespace: Namespace, adapter: Adapter): void => this.#add(namespace, adapter);
    // No arrow function: Socket.IO calls it with `new`.
    return function createServedAdapter(namespace) {
      const adapter = create(namespace);
      serve(namespace, adapter);
      return adapter;
    };
  }

  #add(namespace: Namespace, adapter: Adapter): void {
    const { subscriber, prefix, isSubscribed } = this.#options;
    const { name } = namespace;
    this.#namespaces.set(name, { namespace, adapter });
    const channels = `${prefix}#${name}#*`;
    const requestChannel = `${prefix}-request#${name}#`;
    if (!isSubscribed) {
      void subscriber.psubscribe(channels);
      void subscriber.subscribe(requestChannel);
    }
    const close = adapter.close.bind(adapter);
    adapter.close = () => {
      if (this.#namespaces.get(name)?.adapter === adapter) {
        this.#namespaces.delete(name);
        if (!isSubscribed) {
          void subscriber.punsubscribe(channels);
          void subscriber.unsubscribe(requestChannel);
        }
      }
      return close();
    };
  }

  #broadcast(message: Buffer): void {
    const [, { nsp: name = '/', data }, how] = decode(message) as Broadcast;
    const found = this.#namespaces.get(name);
    if (found === undefined) return;
    if (typeof listOf(data)[0] !== 'string') throw new TypeError('an emitter published something without an event');
    Adapter.prototype.broadcast.call(
      found.adapter,
      { type: eventType, data },
      { ...targetOf(name, how), ...flagsOf(how) },
    );
  }

  async #request(channel: Buffer, message: Buffer): Promise<void> {
    const name = channel.toString().slice(`${this.#options.prefix}-request#`.length, -1);
    const found = this.#namespaces.get(name);
    if (found === undefined) return;
    const { type, opts, rooms, close, data } = JSON.parse(message.toString()) as {
      readonly type: number;
      readonly opts: Target;
      readonly rooms: unknown;
      readonly close?: boolean;
      readonly data: unknown;
    };
    const { namespace, adapter } = found;
    switch (type) {
      case requests.join:
      case requests.leave:
        await this.#moveAll(found, opts, listOf(rooms).map(String), type === requests.join ? 'join' : 'leave');
        return;
      case requests.disconnect:
        Adapter.prototype.disconnectSockets.call(adapter, targetOf(name, opts), close === true);
        return;
      case requests.serverSideEmit:
        namespace._onServerSideEmit(listOf(data) as [string, ...unknown[]]);
    }
  }

  async #moveAll(
    { namespace, adapter }: { readonly namespace: Namespace; readonly adapter: Adapter },
    target: Target,
    rooms: readonly string[],
    change: 'join' | 'leave',
  ): Promise<void> {
    const options = targetOf(namespace.name, target);
    if (namespace.name !== '/') {
      if (change === 'join') Adapter.prototype.addSockets.call(adapter, options, [...rooms]);
      else Adapter.prototype.delSockets.call(adapter, options, [...rooms]);
      return;
    }
    const sockets = await Adapter.prototype.fetchSockets.call(adapter, options);
    for (const room of rooms) {
      if (parseRoom(room).ok) for (const { id } of sockets) this.#move(id, room, change);
      else this.#options.log.warn({ room }, 'an emitter used an invalid room name; it was ignored');
    }
  }
}

/** @throws TypeError for what no emitter sends: without rooms it would be about everyone */
function targetOf(namespace: string, { rooms, except }: Target): BroadcastOptions {
  return { rooms: roomsNamed(namespace, listOf(rooms)), except: roomsNamed(namespace, listOf(except)) };
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError('an emitter published something other than a list of rooms');
}

/** The rooms inside that are named so outside. */
function roomsNamed(namespace: string, names: readonly unknown[]): Set<string> {
  if (namespace !== '/') return new Set(names as readonly string[]);
  const rooms = new Set<string>();
  for (const name of names) {
    rooms.add(roomOfClients(String(name)));
    if (!isOfOwnKind(String(name))) rooms.add(name as string);
  }
  return rooms;
}

function flagsOf({ flags }: Pick<BroadcastOptions, 'flags'>): Pick<BroadcastOptions, 'flags'> {
  return flags === undefined ? {} : { flags };
}
