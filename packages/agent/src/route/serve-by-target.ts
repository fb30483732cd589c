import type { Socket } from 'node:net';
import { type FailureCode, failed, type Result, type StickySignatures } from '@gopush/contract';
import type { Awaitable } from '@gopush/hooks';
import { beforeRequest } from '../target/connect-failure.ts';
import { choose } from './choose.ts';
import type { Fleet, Member } from './fleet.ts';
import type { Hold, Place } from './hold.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { Route } from './route.ts';
import { doubtful, type Suspects } from './suspects.ts';

/** Options of {@link serveByTarget}, besides the request. */
export interface ServeContext {
  readonly fleet: Fleet;
  readonly suspects: Suspects;
  readonly hold: Hold;
  readonly retries: RetryBudget;
  readonly maxMoves: number;
  readonly signatures: StickySignatures;
  readonly observer: { sessionLost(): void };
}

/** One request or upgrade on its way to a target. */
export interface Serving<T> {
  readonly route: Route;
  /** The key of hashing; `undefined`: load decides, as for back ends, of which one address may send many requests. */
  readonly key: string | undefined;
  readonly client: Socket;
  /** Size of the request's head, in bytes. */
  readonly bytes: number;
  /** Finds the targets again, after waiting. */
  readonly again: () => Awaitable<Result<Route>>;
  /** Asks one target. Another target is asked only if this one cannot be reached, is full, or is being drained: then it has not begun anything. */
  readonly ask: (member: Member) => Promise<Result<T>>;
}

/**
 * Has a client served by a target of its product: the one its session is on, or the one that the product's policy chooses, or the next choice if one
 * cannot be reached. While none is up the client waits in a queue.
 */
export async function serveByTarget<T>(context: ServeContext, serving: Serving<T>): Promise<Result<T>> {
  context.retries.deposit();
  const result = await tryMembers(context, serving.route, serving);
  if (result.ok || !isDown(result.failure.code)) return result;
  const place = context.hold.placeFor(serving.client, serving.bytes);
  try {
    return await waitForTarget(context, serving, place, result);
  } finally {
    place.leave();
  }
}

/** Waits for a target, and tries again, until one serves the client. @param result - why none has so far */
async function waitForTarget<T>(
  context: ServeContext,
  serving: Serving<T>,
  place: Place,
  result: Result<T>,
): Promise<Result<T>> {
  const { client } = serving;
  let { route } = serving;
  let deadline: number | undefined;
  let last = result;
  while (!last.ok && isDown(last.failure.code)) {
    const { holdMs } = route.product.policy;
    if (holdMs === 0) return last;
    deadline ??= performance.now() + holdMs;
    if (performance.now() >= deadline) return failed('target_none', 'no target came up while the client was queued');
    switch (await place.wait(route, deadline)) {
      case 'gone':
        return failed('client_gone', 'while queued for a target');
      case 'full':
        return failed('target_none', 'the queue is full');
      case 'stopped':
        return failed('stopping', 'while the client was queued for a target');
      case 'expired':
        return failed('target_none', 'no target came up while the client was queued');
    }
    const again = await serving.again();
    if (!again.ok) return again;
    // The client may have gone while hooks ran; its close event is over.
    if (client.destroyed) return failed('client_gone', 'while hooks ran');
    route = again.value;
    last = await tryMembers(context, route, serving);
  }
  return last;
}

function isDown(code: FailureCode): boolean {
  return code === 'target_none' || code === 'target_unreachable' || code === 'target_draining';
}

async function tryMembers<T>(
  context: ServeContext,
  route: Route,
  { key, ask }: Pick<Serving<T>, 'key' | 'ask'>,
): Promise<Result<T>> {
  const { fleet, retries, maxMoves, signatures, observer } = context;
  const { identity, product, members, signature, begins } = route;
  const { product: name } = identity;
  let tried: Set<Member> | undefined;
  let result: Result<T> | undefined;
  const { slowStartMs } = fleet.health;
  const policy = key === undefined ? { ...product.policy, choose: 'random-of-two' as const } : product.policy;
  let member = signature === undefined ? undefined : findSigned(route, signature, signatures);
  // A session that begins is not bound yet, and goes to no target that takes no new ones.
  if (begins && member !== undefined && !isWanted(member, members, slowStartMs)) member = undefined;
  const marked = begins ? undefined : member;
  for (let moves = 0; moves <= maxMoves; moves++) {
    if (moves > 0 && !retries.withdraw()) break;
    member ??= choose(members, policy, { product: name, key: key ?? '', tried, now: performance.now(), slowStartMs });
    if (member === undefined) break;
    member.picks++;
    result = await ask(member);
    if (result.ok) {
      fleet.succeeded(member);
      return result;
    }
    const { code } = result.failure;
    countFailure(context, member, code, members);
    if (!beforeRequest.has(code) && !passing.has(code)) break;
    if (member === marked) observer.sessionLost();
    tried ??= new Set();
    tried.add(member);
    member = undefined;
  }
  return result ?? failed(whyNone(members), `product ${name}`);
}

/** Failures by which a target passes a client on to the others. */
const passing: ReadonlySet<FailureCode> = new Set(['target_full', 'target_draining']);

/** Why none of these takes a new client. */
function whyNone(members: readonly Member[]): FailureCode {
  const now = performance.now();
  return members.some(({ drainsUntil }) => drainsUntil > now) ? 'target_draining' : 'target_none';
}

/** Counts a failure against its target, or has the target probed if the client may have caused it. */
function countFailure(
  { fleet, suspects }: ServeContext,
  member: Member,
  code: FailureCode,
  among: readonly Member[],
): void {
  if (beforeRequest.has(code) || code === 'target_tls_refused') fleet.failed(member, code, among);
  else if (code === 'target_draining') fleet.drains(member);
  else if (doubtful.has(code)) suspects.suspect(member, among);
}

function isWanted(member: Member, members: readonly Member[], slowStartMs: number): boolean {
  return members.includes(member) && member.weight(performance.now(), slowStartMs) > 0;
}

/**
 * The target that a session is on. A target that has left a list is found as well. Of those that a function names, only the ones for this request
 * count, because the function may keep clients apart.
 */
function findSigned(
  { identity, product, members }: Route,
  signature: string,
  signatures: StickySignatures,
): Member | undefined {
  const { product: name, uid } = identity;
  for (const member of product.byFunction ? members : product.members.values()) {
    if (signatures.matches(signature, name, member.target.name, uid)) return member;
  }
  return undefined;
}
