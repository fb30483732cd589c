import { parseRoom } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { RedisClient } from '@gopush/store';
import type { Namespace } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';
import { contain } from '../contain/contain.ts';
import {
  type EmitterRequest,
  type EmitterTarget,
  isOfEmitter,
  listOf,
  optionsOf,
  readBroadcast,
  requestType,
} from './emitter-message.ts';

/** How socket.io-parser calls a packet that is an event. */
const eventType = 2;

/** Puts a client into a room, or takes it out, as if it had asked for that. @returns whether it is a client of this node */
export type MoveClient = (socket: string, room: string, change: 'join' | 'leave') => boolean;

/** What emitters need. */
export interface EmittersOptions {
  readonly subscriber: RedisClient;
  readonly prefix: string;
  /** Whether the adapter subscribes to the channels of emitters by itself. */
  readonly isSubscribed: boolean;
  readonly log: Logger;
}

interface Served {
  readonly namespace: Namespace;
  readonly adapter: Adapter;
}

/**
 * Serves programs without Socket.IO that publish by `@socket.io/redis-emitter` with the prefix as its key. In the main namespace they name
 * rooms as clients do: a room that clients named `u:ann` is never taken for the user ann. Handlers' own rooms are reached as well, unless
 * their names begin like full names of rooms. In other namespaces names stay as they are.
 */
export class Emitters {
  readonly #options: EmittersOptions;
  readonly #namespaces = new Map<string, Served>();
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

  /** Sets who puts clients into rooms. */
  onMove(move: MoveClient): void {
    this.#move = move;
  }

  /** Whether a published message is of an emitter. */
  isTheirs(channel: Buffer, message: Buffer): boolean {
    return isOfEmitter(this.#options.prefix, channel, message);
  }

  /** Makes adapters whose namespaces emitters can reach. */
  serve(create: AdapterFactory): AdapterFactory {
    const add = (namespace: Namespace, adapter: Adapter): void => this.#add(namespace, adapter);
    // No arrow function: Socket.IO calls it with `new`.
    return function createServedAdapter(namespace) {
      const adapter = create(namespace);
      add(namespace, adapter);
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
    const { namespace: name, data, how } = readBroadcast(message);
    const served = this.#namespaces.get(name);
    if (served === undefined) return;
    const args = listOf(data);
    if (typeof args[0] !== 'string') throw new TypeError('an emitter published something without an event');
    const { flags } = how;
    const options = { ...optionsOf(name, how), ...(flags === undefined ? {} : { flags }) };
    Adapter.prototype.broadcast.call(served.adapter, { type: eventType, data: args }, options);
  }

  async #request(channel: Buffer, message: Buffer): Promise<void> {
    const name = channel.toString().slice(`${this.#options.prefix}-request#`.length, -1);
    const served = this.#namespaces.get(name);
    if (served === undefined) return;
    const { type, opts, rooms, close, data } = JSON.parse(message.toString()) as EmitterRequest;
    switch (type) {
      case requestType.join:
        await this.#moveAll(served, opts, listOf(rooms).map(String), 'join');
        return;
      case requestType.leave:
        await this.#moveAll(served, opts, listOf(rooms).map(String), 'leave');
        return;
      case requestType.disconnect:
        Adapter.prototype.disconnectSockets.call(served.adapter, optionsOf(name, opts), close === true);
        return;
      case requestType.serverSideEmit:
        served.namespace._onServerSideEmit(listOf(data) as [string, ...unknown[]]);
    }
  }

  async #moveAll(
    { namespace, adapter }: Served,
    target: EmitterTarget,
    rooms: readonly string[],
    change: 'join' | 'leave',
  ): Promise<void> {
    const options = optionsOf(namespace.name, target);
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
