import type { Adapter } from 'socket.io-adapter';
import type { AdapterFactory } from './adapter-factory.ts';

type Ack = (error: Error | null, responses?: unknown[]) => void;

/**
 * Has `serverSideEmit` succeed where all push-servers that are there have answered. Adapters over Redis pub/sub wait for as many as there were, and
 * report a timeout where one has left meanwhile.
 */
export function forgiveLeaving(create: AdapterFactory): AdapterFactory {
  // No arrow function: Socket.IO calls it with `new`.
  return function createForgivingAdapter(namespace) {
    const adapter: Adapter = create(namespace);
    const serverSideEmit = adapter.serverSideEmit.bind(adapter);
    adapter.serverSideEmit = (packet) => {
      const ack: unknown = packet.at(-1);
      if (typeof ack !== 'function') return serverSideEmit(packet);
      return serverSideEmit([...packet.slice(0, -1), answerOnce(adapter, ack as Ack)]);
    };
    return adapter;
  };
}

function answerOnce(adapter: Adapter, ack: Ack): Ack {
  return (error, responses) => {
    if (!error || responses === undefined) {
      ack(error, responses);
      return;
    }
    adapter.serverCount().then(
      (count) => ack(responses.length >= count - 1 ? null : error, responses),
      () => ack(error, responses),
    );
  };
}
