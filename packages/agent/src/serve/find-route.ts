import { noUser, type Result, success } from '@gopush/contract';
import { type Awaitable, andThen } from '@gopush/hooks';
import type { Exchange } from '../route/exchange.ts';
import { type ResolveContext, resolve } from '../route/resolve.ts';
import type { Route } from '../route/route.ts';
import type { ApiCallers } from './api-callers.ts';
import { whyNoHook } from './without-hook.ts';

/** What finding a route needs besides the exchange. */
export interface FindRouteContext extends ResolveContext {
  readonly apiCallers: ApiCallers;
}

/**
 * Identifies the client of an exchange, then finds its targets.
 *
 * @param identify - asks the hook; it may give something else than a uid, which is then the result
 */
export function findRoute<Other extends string = never>(
  exchange: Exchange,
  identify: () => Awaitable<Result<string> | Other>,
  context: FindRouteContext,
): Awaitable<Result<Route> | Other> {
  exchange.noHook = whyNoHook(exchange, context.apiCallers);
  const identified: Awaitable<Result<string> | Other> = exchange.noHook === undefined ? identify() : success(noUser);
  return andThen(identified, (uid): Awaitable<Result<Route> | Other> => {
    if (typeof uid === 'string') return uid;
    if (!uid.ok) return context.apiCallers.explain(exchange, uid);
    exchange.uid = uid.value;
    return resolve(exchange, uid.value, context);
  });
}
