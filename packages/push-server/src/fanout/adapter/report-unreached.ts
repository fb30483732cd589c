import type { Logger } from '@gopush/service';
import type { Adapter, BroadcastOptions } from 'socket.io-adapter';

/** The methods of adapters that change clients of other nodes. Nothing repeats them there, and Socket.IO gives their callers no result. */
const changing = {
  addSockets: 'socketsJoin',
  delSockets: 'socketsLeave',
  disconnectSockets: 'disconnectSockets',
} as const;

/**
 * Logs that a change may not have reached the clients of other nodes, once for each time in which these cannot be reached.
 *
 * @param isJoined - whether all other nodes are reached
 */
export function reportUnreached(adapter: Adapter, isJoined: () => boolean, log: Logger): void {
  const methods = adapter as unknown as Record<string, (options: BroadcastOptions, ...rest: unknown[]) => unknown>;
  let isReported = false;
  for (const [name, call] of Object.entries(changing)) {
    const method = methods[name]?.bind(adapter);
    if (method === undefined) continue;
    methods[name] = (options, ...rest) => {
      if (options.flags?.local !== true) {
        const isLost = !isJoined();
        if (isLost && !isReported) {
          const { name: namespace } = adapter.nsp;
          log.warn({ namespace, call }, 'other push-servers cannot be reached: their clients may not be changed');
        }
        isReported = isLost;
      }
      return method(options, ...rest);
    };
  }
}
