import type { Result } from '@gopush/contract';
import type { Awaitable } from '@gopush/hooks';
import type { AgentRequest } from '../request/agent-request.ts';
import { choose } from '../route/choose.ts';
import { clientKey } from '../route/client-key.ts';
import type { Member } from '../route/fleet.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';

/** What a target is chosen by. */
type Routed = Pick<TunnelInfo, 'uid' | 'address' | 'product' | 'member'>;

/**
 * Chooses the next target of a session, as the product's policy would for a new client. If no target accepts new clients, the session still gets
 * one that was not tried.
 */
export function chooseNext(
  info: Routed,
  members: readonly Member[],
  tried: ReadonlySet<Member>,
  slowStartMs: number,
): Member | undefined {
  return chooseFor(info, members, tried, slowStartMs) ?? members.find((member) => !tried.has(member));
}

/**
 * Chooses a target that may take a session instead of its next one, which has too many of them: the policy's choice after that one, if it has at
 * least the same weight.
 */
export function chooseInstead(
  next: Member,
  info: Routed,
  members: readonly Member[],
  { tried, slowStartMs }: { readonly tried: ReadonlySet<Member>; readonly slowStartMs: number },
): Member | undefined {
  const other = chooseFor(info, members, new Set([...tried, next]), slowStartMs);
  const now = Date.now();
  return other && other.weight(now, slowStartMs) >= next.weight(now, slowStartMs) ? other : undefined;
}

function chooseFor(
  { uid, address, product, member }: Routed,
  members: readonly Member[],
  tried: ReadonlySet<Member>,
  slowStartMs: number,
): Member | undefined {
  const client = { product, key: clientKey(uid, address), tried, now: Date.now(), slowStartMs };
  return choose(members, member.product.policy, client);
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
