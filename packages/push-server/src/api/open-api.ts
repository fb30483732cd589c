import type { IncomingMessage, RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Config } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { AddressOf } from '../access/client-address.ts';
import type { IdentityCheck } from '../access/identity-check.ts';
import type { Rules } from '../hook/rules.ts';
import type { ScopeOf } from '../rooms/names/product-scope.ts';
import type { Push } from '../rooms/publish/push.ts';
import { createApiHandler, type OnApiRequest } from './handle-api.ts';
import { createUpgradeHandler } from './handle-upgrade.ts';
import type { ListenerContext } from './listen/listener.ts';
import { ListenerServer } from './listen/listener-server.ts';
import type { ListenerCounts } from './listen/listener-set.ts';
import { createKeyRing } from './request/keys.ts';

/** Options of the API of a push-server. */
export interface OpenApiOptions {
  readonly config: Config;
  readonly push: Push;
  readonly rules: Rules;
  readonly isBelieved: IdentityCheck;
  readonly addressOf: AddressOf;
  readonly listening: Omit<ListenerContext, 'historyMs'> & { readonly scopeOf: ScopeOf };
  readonly onRequest: OnApiRequest;
  readonly log: Logger;
  /** Waits for some work before the server hook is closed at a stop. */
  readonly keep: (work: Promise<void>) => void;
}

/** The API of a push-server. */
export interface Api {
  readonly handle: RequestListener;
  /** Handles upgrades that Socket.IO does not. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly listeners: ListenerCounts;
  /** Ends listeners with the identity of a user (the uid, after the scope of its product): all, or those of a room. */
  endUser(user: string, room?: string): void;
  close(): Promise<void>;
}

/**
 * Opens the API. Without keys in the settings there is none.
 *
 * @param notFound - responds to requests below the path of the API if there is none
 */
export function openApi(options: OpenApiOptions, notFound: RequestListener): Api {
  const { config, push, rules, isBelieved, addressOf, onRequest, log, keep } = options;
  const { api, pushServer } = config;
  const { scopeOf, ...context } = options.listening;
  const isOff = api.keys.length === 0;
  const keys = createKeyRing(api);
  const listeners = new ListenerServer({
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
  const byDefault = pushServer.history.count > 0 ? 'must' : 'no';
  const listen = listeners.handle.bind(listeners);
  return {
    handle: isOff ? notFound : createApiHandler({ push, keep: byDefault, config: api, keys, log, listen, onRequest }),
    upgrade: createUpgradeHandler({ listeners: isOff ? undefined : listeners, enginePath: pushServer.path, onRequest }),
    listeners: listeners.counts,
    endUser: listeners.endUser.bind(listeners),
    close: listeners.close.bind(listeners),
  };
}
