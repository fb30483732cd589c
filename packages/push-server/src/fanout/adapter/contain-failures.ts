import type { Logger } from '@gopush/service';
import type { Adapter } from 'socket.io-adapter';
import { caught } from '../contain/contain.ts';

/** Called by Socket.IO, which never looks at their promises. */
const floating = ['broadcast', 'serverSideEmit'] as const;

/** Awaited inside the adapters, which expect a promise even if a message cannot be written. */
const awaited = ['doPublish', 'doPublishResponse'] as const;

type Method = (...args: unknown[]) => unknown;

/**
 * Logs that an adapter cannot write a value for other push-servers: an event of a program, or the `socket.data` of
 * one client when any push-server asks for all sockets. Adapters leave its promise without a handler, and Node ends
 * the process when that rejects.
 */
export function containFailures(adapter: Adapter, log: Logger): void {
  const methods = adapter as unknown as Record<string, Method | undefined>;
  const fail = (error: unknown): void =>
    log.error({ err: error, namespace: adapter.nsp.name }, 'a message to other push-servers cannot be encoded');
  for (const name of floating) {
    const method = methods[name]?.bind(adapter);
    // An error that it throws at once reaches its caller, as with Socket.IO's own adapter.
    if (method !== undefined) methods[name] = (...args) => caught(method(...args), fail);
  }
  for (const name of awaited) {
    const method = methods[name]?.bind(adapter);
    if (method !== undefined) methods[name] = async (...args) => reported(method, args, fail);
  }
}

/** Calls a method; reports an error that it throws before the caller hides it. */
function reported(method: Method, args: unknown[], fail: (error: unknown) => void): unknown {
  try {
    return method(...args);
  } catch (error) {
    fail(error);
    throw error;
  }
}
