import { insideOfClusterAdapter } from '@gopush/slim-socket-io';
import type { Adapter, BroadcastOptions } from 'socket.io-adapter';
import { MessageType } from 'socket.io-adapter';
import type { AdapterFactory } from './adapter-factory.ts';

/** The methods of Socket.IO's cluster adapters that tell other nodes first, and this one when that is done. */
type Told = 'broadcast' | 'addSockets' | 'delSockets' | 'disconnectSockets';

// biome-ignore lint/suspicious/noExplicitAny: methods of the adapter, whose arguments are passed on
type Method = (...args: any[]) => unknown;

/**
 * Has what a program does with many clients happen to those of this node at once, as with Socket.IO's own adapter for one process. Its cluster
 * adapters wait for the bus before: `io.emit('a'); socket.emit('b')` reached the client as b, a.
 */
export function localFirst(create: AdapterFactory): AdapterFactory {
  // No arrow function: Socket.IO calls it with `new`.
  return function createLocalFirstAdapter(namespace) {
    const adapter = create(namespace);
    // Those that never wait have none: the adapter over classic pub/sub, and that of one process.
    if ('publishAndReturnOffset' in adapter) Object.assign(adapter, methodsOf(adapter));
    return adapter;
  };
}

function methodsOf(adapter: Adapter): Readonly<Record<Told, Method>> {
  const { publishAndReturnOffset: publish } = insideOfClusterAdapter(adapter);
  const { broadcast, addSockets, delSockets, disconnectSockets } = adapter as unknown as Record<Told, Method>;

  /** Tells other nodes, where they are meant. @returns options of the same for this node alone, with which it is done before it returns */
  function tell(type: MessageType, options: BroadcastOptions, data: object): BroadcastOptions {
    const { rooms, except, flags } = options;
    if (flags?.local === true) return options;
    const opts = { rooms: [...rooms], except: [...(except ?? [])], flags };
    // What cannot be written, or sent, whoever publishes has logged.
    publish.call(adapter, { type, data: { ...data, opts } }).catch(() => {});
    return { ...options, flags: { ...flags, local: true } };
  }
  return {
    broadcast: (packet: object, options: BroadcastOptions) =>
      broadcast.call(adapter, packet, tell(MessageType.BROADCAST, options, { packet })),
    addSockets: (options: BroadcastOptions, rooms: readonly string[]) =>
      addSockets.call(adapter, tell(MessageType.SOCKETS_JOIN, options, { rooms }), rooms),
    delSockets: (options: BroadcastOptions, rooms: readonly string[]) =>
      delSockets.call(adapter, tell(MessageType.SOCKETS_LEAVE, options, { rooms }), rooms),
    disconnectSockets: (options: BroadcastOptions, close: boolean) =>
      disconnectSockets.call(adapter, tell(MessageType.DISCONNECT_SOCKETS, options, { close }), close),
  };
}
