import type { Logger } from '@gopush/service';
import { caught } from '../contain/contain.ts';
import type { AdapterFactory } from './adapter-factory.ts';

/** Called by Socket.IO, which never looks at the promises of these. */
const floating = ['broadcast', 'serverSideEmit'] as const;

/** Awaited inside the adapters, which expect a promise even of what cannot be written. */
const awaited = ['doPublish', 'doPublishResponse'] as const;

type Method = (...args: unknown[]) => unknown;

/**
 * Contains what cannot be written for other push-servers: what a program emits, or the `socket.data` of one client when any push-server asks
 * for all sockets. Adapters leave such a failure to a promise of which nobody hears, by which Node ends the process.
 */
export function containAdapter(create: AdapterFactory, log: Logger): AdapterFactory {
  // No arrow function: Socket.IO calls it with `new`.
  return function createContainedAdapter(namespace) {
    const adapter = create(namespace);
    const methods = adapter as unknown as Record<string, Method | undefined>;
    const fail = (error: unknown): void =>
      log.error({ err: error, namespace: adapter.nsp.name }, 'a message to other push-servers cannot be encoded');
    for (const name of floating) {
      const method = methods[name]?.bind(adapter);
      // What it throws at once reaches its caller, as with Socket.IO's own adapter.
      if (method !== undefined) methods[name] = (...args) => caught(method(...args), fail);
    }
    for (const name of awaited) {
      const method = methods[name]?.bind(adapter);
      if (method !== undefined) methods[name] = async (...args) => loud(method, args, fail);
    }
    return adapter;
  };
}

/** Says what is thrown before it goes on to whoever hides it. */
function loud(method: Method, args: unknown[], fail: (error: unknown) => void): unknown {
  try {
    return method(...args);
  } catch (error) {
    fail(error);
    throw error;
  }
}
