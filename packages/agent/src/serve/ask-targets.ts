import type { Result } from '@gopush/contract';
import type { AgentRequest } from '../request/agent-request.ts';
import { clientKey } from '../route/client-key.ts';
import type { Exchange } from '../route/exchange.ts';
import type { Member } from '../route/fleet.ts';
import { type ResolveContext, resolve } from '../route/resolve.ts';
import type { Route } from '../route/route.ts';
import { type ServeContext, serveByTarget } from '../route/serve-by-target.ts';

/**
 * Has an exchange served by a target of its route.
 *
 * @param ask - asks one target
 */
export function askTargets<T>(
  exchange: Exchange,
  route: Route,
  context: ResolveContext & ServeContext,
  ask: (member: Member) => Promise<Result<T>>,
): Promise<Result<T>> {
  const { request, client, origin, noHook } = exchange;
  const { uid } = route.identity;
  return serveByTarget(context, {
    route,
    // Load decides where a back end's request goes: many may come from one address.
    key: noHook === 'api-key' ? undefined : clientKey(uid, origin.address),
    client,
    bytes: headBytes(request),
    again: () => resolve(exchange, uid, context),
    ask(member) {
      exchange.member = member;
      return ask(member);
    },
  });
}

/** About how many bytes the head of a request has. */
function headBytes({ url, rawHeaders }: AgentRequest): number {
  let bytes = (url?.length ?? 0) + 16;
  for (const text of rawHeaders) bytes += text.length + 2;
  return bytes;
}
