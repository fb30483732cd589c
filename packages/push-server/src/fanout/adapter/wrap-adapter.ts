import type { Logger } from '@gopush/service';
import type { AdapterFactory } from './adapter-factory.ts';
import { containFailures } from './contain-failures.ts';
import { forgiveLeaving } from './forgive-leaving.ts';
import { localFirst } from './local-first.ts';
import { reportUnreached } from './report-unreached.ts';

/**
 * Changes what adapters of Socket.IO do:
 *
 * 1. {@link forgiveLeaving}: `serverSideEmit` succeeds if a push-server left while it was waited for.
 * 2. {@link containFailures}: a value that cannot be written for other push-servers is logged, and does not end the process.
 * 3. {@link localFirst}: clients of this node get an event at once, not after the other push-servers.
 * 4. {@link reportUnreached}: a change of clients that other push-servers may have missed is logged.
 *
 * @param isJoined - whether all other push-servers are reached
 */
export function wrapAdapter(create: AdapterFactory, isJoined: () => boolean, log: Logger): AdapterFactory {
  // No arrow function: Socket.IO calls it with `new`.
  return function createWrappedAdapter(namespace) {
    const adapter = create(namespace);
    forgiveLeaving(adapter);
    containFailures(adapter, log);
    // Last, so that it calls the contained methods.
    localFirst(adapter);
    reportUnreached(adapter, isJoined, log);
    return adapter;
  };
}
