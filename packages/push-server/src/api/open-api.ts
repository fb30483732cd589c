import type { IncomingMessage, RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Config, failures, isForApi } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { AddressOf } from '../access/client-address.ts';
import type { IdentityCheck } from '../access/identity-check.ts';
import type { Rules } from '../hook/rules.ts';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import type { ScopeOf } from '../rooms/names/product-scope.ts';
import type { Push } from '../rooms/publish/push.ts';
import { createApiHandler, listenRoute, type OnApiRequest } from './handle-api.ts';
import type { ListenerContext } from './listen/listener.ts';
import { createListeners, type ListenerCounts } from './listen/listeners.ts';
import { createKeyRing } from './request/keys.ts';
import { splitUrl } from './request/split-url.ts';

/** What the API of a push-server needs. */
export interface OpenApiOptions {
  readonly config: Config;
  readonly push: Push;
  readonly rules: Rules;
  readonly isBelieved: IdentityCheck;
  readonly addressOf: AddressOf;
  readonly listening: Omit<ListenerContext, 'historyMs'> & { readonly scopeOf: ScopeOf };
  readonly onRequest: OnApiRequest;
  readonly log: Logger;
  /** Waits at a stop for what a hook still does. */
  readonly keep: (work: Promise<void>) => void;
}

/** The API of a push-server. */
export interface Api {
  readonly handle: RequestListener;
  /** Takes upgrades that Socket.IO does not. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly listeners: ListenerCounts;
  /** Ends listeners with the identity of a user (the uid, after the scope of its product): all, or those in a room. */
  endUser(user: string, room?: string): void;
  close(): Promise<void>;
}

/** How long an upgrade that nobody answers stays open, in milliseconds, as with Socket.IO: handlers of the project may be slow. */
const unansweredMs = 1_000;

/**
 * Opens the API.
 *
 * @param notFound - answers what is below the path of the API where the settings have no keys, and so no API
 */
export function openApi(options: OpenApiOptions, notFound: RequestListener): Api {
  const { config, push, rules, isBelieved, addressOf, listening, onRequest, log, keep } = options;
  const { api, pushServer } = config;
  const { scopeOf, ...context } = listening;
  const isOff = api.keys.length === 0;
  const keys = createKeyRing(api);
  const listeners = createListeners({
    keys,
    rules,
    addressOf,
    scopeOf,
    isBelieved,
    context: { ...context, historyMs: pushServer.history.ageMs },
    beatMs: pushServer.pingIntervalMs,
    drainMs: pushServer.drainMs,
    log,
    keep,
  });
  return {
    handle: isOff
      ? notFound
      : createApiHandler({
          push,
          keep: pushServer.history.count > 0 ? 'must' : 'no',
          config: api,
          keys,
          log,
          listen: listeners.handle,
          onRequest,
        }),
    upgrade(request, socket, head) {
      if (request.url?.startsWith(`${pushServer.path}/`)) return;
      if (!isOff && isForApi(request.url)) {
        const startedAt = performance.now();
        if (splitUrl(request.url).path === '/listen') {
          void listeners.upgrade(request, socket, head).then((status) => {
            onRequest(listenRoute, status, (performance.now() - startedAt) / 1_000);
          });
        } else {
          refuseUpgrade(socket, { code: 'not_found' });
          onRequest('none', failures.not_found.upgrade, 0);
        }
        return;
      }
      const unanswered = setTimeout(() => {
        if ('bytesWritten' in socket && socket.bytesWritten === 0) refuseUpgrade(socket, { code: 'not_found' });
      }, unansweredMs).unref();
      socket.once('close', () => clearTimeout(unanswered));
    },
    listeners: listeners.counts,
    endUser: listeners.endUser,
    close: listeners.close,
  };
}
