import type { Result } from '@gopush/contract';
import type { Awaitable } from '@gopush/hooks';
import type { AgentRequest } from '../request/agent-request.ts';
import { choose } from '../route/choose.ts';
import { clientKey } from '../route/client-key.ts';
import type { Member } from '../route/fleet.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';

/**
 * Chooses the next target of a session, as the product's policy would for a new client. If no target accepts new clients, the session still gets
 * one that was not tried.
 */
export function chooseNext(
  {
    uid,
    address,
    product,
    member: {
      product: { policy },
    },
  }: Pick<TunnelInfo, 'uid' | 'address' | 'product' | 'member'>,
  members: readonly Member[],
  tried: ReadonlySet<Member>,
  slowStartMs: number,
): Member | undefined {
  const client = { product, key: clientKey(uid, address), tried, now: Date.now(), slowStartMs };
  return choose(members, policy, client) ?? members.find((member) => !tried.has(member));
}

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
