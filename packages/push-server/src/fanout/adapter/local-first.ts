import { insideOfClusterAdapter } from '@gopush/slim-socket-io';
import type { Adapter, BroadcastOptions } from 'socket.io-adapter';
import { MessageType } from 'socket.io-adapter';

/** The methods of Socket.IO's cluster adapters that tell other nodes first, and act on this node after that. */
type PublishingMethod = 'broadcast' | 'addSockets' | 'delSockets' | 'disconnectSockets';

// biome-ignore lint/suspicious/noExplicitAny: methods of the adapter, whose arguments are passed on
type Method = (...args: any[]) => unknown;

/**
 * Makes an adapter act on the clients of this node at once, as Socket.IO's own adapter for one process does. Its cluster adapters wait for
 * the bus first: `io.emit('a'); socket.emit('b')` reached the client as b, a.
 */
export function localFirst(adapter: Adapter): void {
  // Adapters that never wait do not have it: those over classic pub/sub, and the one for one process.
  if ('publishAndReturnOffset' in adapter) Object.assign(adapter, methodsOf(adapter));
}

function methodsOf(adapter: Adapter): Readonly<Record<PublishingMethod, Method>> {
  const { publishAndReturnOffset: publish } = insideOfClusterAdapter(adapter);
  const { broadcast, addSockets, delSockets, disconnectSockets } = adapter as unknown as Record<
    PublishingMethod,
    Method
  >;

  /** Publishes to other nodes, unless only this one is meant. @returns options for this node alone */
  function publishToOthers(type: MessageType, options: BroadcastOptions, data: object): BroadcastOptions {
    const { rooms, except, flags } = options;
    if (flags?.local === true) return options;
    const opts = { rooms: [...rooms], except: [...(except ?? [])], flags };
    // `doPublish` has logged what cannot be written or sent.
    publish.call(adapter, { type, data: { ...data, opts } }).catch(() => {});
    return { ...options, flags: { ...flags, local: true } };
  }
  return {
    broadcast: (packet: object, options: BroadcastOptions) =>
      broadcast.call(adapter, packet, publishToOthers(MessageType.BROADCAST, options, { packet })),
    addSockets: (options: BroadcastOptions, rooms: readonly string[]) =>
      addSockets.call(adapter, publishToOthers(MessageType.SOCKETS_JOIN, options, { rooms }), rooms),
    delSockets: (options: BroadcastOptions, rooms: readonly string[]) =>
      delSockets.call(adapter, publishToOthers(MessageType.SOCKETS_LEAVE, options, { rooms }), rooms),
    disconnectSockets: (options: BroadcastOptions, close: boolean) =>
      disconnectSockets.call(adapter, publishToOthers(MessageType.DISCONNECT_SOCKETS, options, { close }), close),
  };
}
