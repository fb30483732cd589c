import type { Adapter } from 'socket.io-adapter';

type Ack = (error: Error | null, responses?: unknown[]) => void;

/**
 * Makes `serverSideEmit` succeed if all push-servers that are there have responded. Adapters over Redis pub/sub wait for as many as there
 * were, and report a timeout if one has left meanwhile.
 */
export function forgiveLeaving(adapter: Adapter): void {
  const serverSideEmit = adapter.serverSideEmit.bind(adapter);
  adapter.serverSideEmit = (packet) => {
    const ack: unknown = packet.at(-1);
    if (typeof ack !== 'function') return serverSideEmit(packet);
    return serverSideEmit([...packet.slice(0, -1), forgivingAck(adapter, ack as Ack)]);
  };
}

function forgivingAck(adapter: Adapter, ack: Ack): Ack {
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
