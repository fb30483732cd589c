import type { AdapterFactory } from '../adapter/adapter-factory.ts';

/**
 * Makes an adapter over classic pub/sub disconnect the clients of this node at once. By itself it does so when its own message comes back from Redis:
 * never while Redis is away, or if this process dies before. That message finds none of them any more.
 */
export function disconnectHereFirst(create: AdapterFactory): AdapterFactory {
  return (namespace) => {
    const adapter = create(namespace);
    const disconnect = adapter.disconnectSockets.bind(adapter);
    adapter.disconnectSockets = (options, close) => {
      if (options.flags?.local !== true) disconnect({ ...options, flags: { ...options.flags, local: true } }, close);
      disconnect(options, close);
    };
    return adapter;
  };
}
