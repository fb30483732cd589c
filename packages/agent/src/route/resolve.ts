import {
  failed,
  type Identity,
  noUser,
  type ProductPolicy,
  parseTargets,
  type Result,
  readSid,
  readSidSignature,
  readStickySignature,
  stickyCookie,
  success,
  type Target,
  type TargetSource,
  writeUid,
} from '@gopush/contract';
import { type Awaitable, andThen, callHook, describeThrown } from '@gopush/hooks';
import { hookFailed } from '../hooks/hook-result.ts';
import type { HookSet, RouteSource } from '../hooks/hook-set.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import { tlsFault } from '../target/target-tls.ts';
import type { Exchange } from './exchange.ts';
import type { Fleet, Member } from './fleet.ts';
import { pathFor } from './locate.ts';
import type { Route } from './route.ts';
import type { Sources } from './sources.ts';
import { beginsSession } from './sticky.ts';

/** What resolving needs besides the request. */
export interface ResolveContext {
  /** Longest time of one hook call, in milliseconds. */
  readonly hookTimeoutMs: number;
  readonly sources: Sources;
  readonly fleet: Fleet;
}

/**
 * Finds the targets for a request of a known uid. A product may have no targets now; they may come.
 */
export function resolve(
  { request, destination, hooks }: Pick<Exchange, 'request' | 'destination' | 'hooks'>,
  uid: string,
  context: ResolveContext,
): Awaitable<Result<Route>> {
  const { entry, product: name } = destination;
  if (!name.ok) return name;
  const source = hooks.products.get(name.value) ?? hooks.otherProducts;
  if (source === undefined) return failed('product_unknown');
  return andThen(
    targetsOf(source, () => request, uid, context),
    (targets) => {
      if (!targets.ok) return targets;
      const { product, members } = listed(source, targets.value, context);
      const { sticky, identity } = source.policy;
      const byQuery = identity === 'query+headers' || context.sources.isBuiltIn(targets.value);
      return success({
        identity: { uid, product: name.value },
        product,
        members,
        signature: readSignatureOf(request, sticky),
        begins: beginsSession(request),
        path: writeUid(pathFor(entry, request.url ?? '/'), byQuery && uid !== noUser ? uid : undefined),
      });
    },
  );
}

/**
 * Finds the targets that a client whose session migrates may go to now.
 *
 * @param request - the client's own, which is made if a function wants it
 */
export function membersFor(
  hooks: HookSet,
  { product: name, uid }: Identity,
  request: () => AgentRequest,
  context: ResolveContext,
): Awaitable<Result<readonly Member[]>> {
  const source = hooks.products.get(name) ?? hooks.otherProducts;
  if (source === undefined) return failed('product_unknown');
  return andThen(targetsOf(source, request, uid, context), (targets) =>
    targets.ok ? success(listed(source, targets.value, context).members) : targets,
  );
}

function listed(
  { product: name, policy, from }: RouteSource,
  targets: readonly Target[],
  { fleet }: ResolveContext,
): Pick<Route, 'product' | 'members'> {
  const product = fleet.product(name, policy, from.kind === 'function');
  return { product, members: product.list(targets, performance.now(), fleet.health.slowStartMs) };
}

/** The sticky signature of the session that a request belongs to. */
function readSignatureOf(request: AgentRequest, sticky: ProductPolicy['sticky']): string | undefined {
  if (sticky === 'none') return undefined;
  const sid = readSid(request.url ?? '/');
  const signature = sid === undefined ? undefined : readSidSignature(sid);
  if (signature !== undefined || sticky === 'sid') return signature;
  return readStickySignature(request.cookies[stickyCookie] ?? '');
}

function targetsOf(
  { product: name, from }: RouteSource,
  request: () => AgentRequest,
  uid: string,
  { hookTimeoutMs, sources }: ResolveContext,
): Awaitable<Result<readonly Target[]>> {
  if (from.kind !== 'function') return andThen(sources.targets(from), success);
  return andThen(
    callHook(() => from.hook(request(), uid), hookTimeoutMs),
    (outcome) => {
      if (outcome.ended === 'timeout') {
        return failed('router_hook_timeout', `${from.file}: its promise did not settle within ${hookTimeoutMs} ms`);
      }
      if (outcome.ended !== 'returned') return hookFailed('router', from.file, outcome);
      const { value } = outcome;
      if (value === null) return success([]);
      const source = readTargets(value);
      const fault = typeof source === 'string' ? source : tlsFault(source);
      if (typeof source === 'string' || fault !== undefined) {
        return failed('router_hook_bad_value', `${from.file}: ${name}: ${fault}`);
      }
      return sources.allowed(source);
    },
  );
}

function readTargets(value: unknown): TargetSource | string {
  // Mostly a forgotten `return`: the client must not wait for targets that will never come.
  if (value === undefined) return 'it returned undefined; wanted targets, or null if there are none';
  try {
    return parseTargets(value);
  } catch (error) {
    return `it returned something that throws when read: ${describeThrown(error)}`;
  }
}
