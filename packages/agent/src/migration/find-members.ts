import type { Result } from '@gopush/contract';
import type { Awaitable } from '@gopush/hooks';
import type { AgentRequest } from '../request/agent-request.ts';
import type { Member } from '../route/fleet.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';

/**
 * Asks the router which targets may serve the client of a session now.
 *
 * @param request - makes the client's request, for a router that wants it
 */
export type FindMembers = (
  request: () => AgentRequest,
  info: Pick<TunnelInfo, 'product' | 'uid'>,
) => Awaitable<Result<readonly Member[]>>;

/** Which targets a session may go to while hooks fail. If a function names targets for each client, those it named for others do not count. */
export function membersWithoutRoute(from: Member): readonly Member[] {
  return from.product.byFunction ? [from] : from.product.current;
}
