import { isPreflight } from '@gopush/contract';
import { sourceOf } from '../route/destination.ts';
import type { Exchange, NoHook } from '../route/exchange.ts';
import type { ApiCallers } from './api-callers.ts';
import { passesPreflights } from './preflight.ts';

/** Why no hook is asked who the client is, so that it has no uid; `undefined`: a hook is asked. */
export function whyNoHook(exchange: Exchange, apiCallers: ApiCallers): NoHook | undefined {
  const { request, destination, hooks } = exchange;
  const policy = sourceOf(destination, hooks)?.policy;
  if (policy !== undefined && (destination.entry?.public ?? policy.public)) return 'public';
  if (isPreflight(request) && passesPreflights(exchange)) return 'preflight';
  return apiCallers.isCaller(exchange) ? 'api-key' : undefined;
}
