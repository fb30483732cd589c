import {
  anonymous,
  type Failure,
  failed,
  type Identity,
  noUser,
  type ProductPolicy,
  parseTargets,
  parseUid,
  type Result,
  readSid,
  readSidMark,
  readStickyMark,
  stickyCookie,
  success,
  type Target,
  type TargetSource,
  writeUid,
} from '@gopush/contract';
import { type Awaitable, andThen, callHook, type HookOutcome } from '@gopush/hooks';
import type { HookSet, RouteSource } from '../hooks/hook-set.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import { tlsFault } from '../target/target-tls.ts';
import type { Fleet, Member, Product } from './fleet.ts';
import { type Destination, pathFor } from './locate.ts';
import type { Sources } from './sources.ts';
import { beginsSession } from './sticky.ts';

/** Who a client is, and what can serve it. */
export interface Route {
  readonly identity: Identity;
  readonly product: Product;
  /** Which members may serve this client: those of its product, or those that a function named for it alone. */
  readonly members: readonly Member[];
  /** Which target the client's session is on, where it says so. */
  readonly mark: string | undefined;
  /** Whether a session may begin here rather than go on. */
  readonly begins: boolean;
  /** Path and query for the target: with the uid where it gets that by query, without any otherwise. */
  readonly path: string;
}

/** What resolving needs besides the request. */
export interface ResolveContext {
  /** Longest time of one hook call, in milliseconds. */
  readonly hookTimeoutMs: number;
  readonly sources: Sources;
  readonly fleet: Fleet;
}

/**
 * From a request of a known uid to its targets. HTTP and upgrades both use it.
 *
 * A product may have no targets now; they may come.
 */
export function resolve(
  request: AgentRequest,
  { entry, product: name }: Destination,
  uid: string,
  hooks: HookSet,
  context: ResolveContext,
): Awaitable<Result<Route>> {
  if (!name.ok) return name;
  const source = hooks.products.get(name.value) ?? hooks.otherProducts;
  if (source === undefined) return failed('product_unknown');
  return andThen(targetsOf(source, request, uid, context), (targets) => {
    if (!targets.ok) return targets;
    const { fleet } = context;
    const product = fleet.product(source.product, source.policy, source.from.kind === 'function');
    const members = product.list(targets.value, Date.now(), fleet.health.slowStartMs);
    const { sticky, identity } = source.policy;
    const byQuery = identity === 'query+headers' || context.sources.isBuiltIn(targets.value);
    return success({
      identity: { uid, product: name.value },
      product,
      members,
      mark: readMarkOf(request, sticky),
      begins: beginsSession(request),
      path: writeUid(pathFor(entry, request.url ?? '/'), byQuery && uid !== noUser ? uid : undefined),
    });
  });
}

/** The mark of the session that a request belongs to. */
function readMarkOf(request: AgentRequest, sticky: ProductPolicy['sticky']): string | undefined {
  if (sticky === 'none') return undefined;
  const sid = readSid(request.url ?? '/');
  const mark = sid === undefined ? undefined : readSidMark(sid);
  if (mark !== undefined || sticky === 'sid') return mark;
  return readStickyMark(request.cookies[stickyCookie] ?? '');
}

function targetsOf(
  { product: name, from }: RouteSource,
  request: AgentRequest,
  uid: string,
  { hookTimeoutMs, sources }: ResolveContext,
): Awaitable<Result<readonly Target[]>> {
  if (from.kind !== 'function') return andThen(sources.targets(from), success);
  return andThen(
    callHook(() => from.hook(request, uid), hookTimeoutMs),
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
  // Mostly a `return` that was forgotten: the client must not wait for targets that will never come.
  if (value === undefined) return 'it returned undefined; wanted targets, or null if there are none';
  try {
    return parseTargets(value);
  } catch (error) {
    return `it returned something that throws when read: ${String(error)}`;
  }
}

/** What a uid hook's call came to, as a uid or a failure. */
export function uidOf(file: string, outcome: HookOutcome<unknown>): Result<string> {
  if (outcome.ended !== 'returned') return hookFailed('uid', file, outcome);
  if (outcome.value === anonymous) return success(noUser);
  const uid = parseUid(outcome.value);
  if (uid.ok || uid.failure.code !== 'uid_hook_bad_value') return uid;
  return failed('uid_hook_bad_value', `${file}: ${uid.failure.detail}`);
}

function hookFailed(
  which: 'uid' | 'router',
  file: string,
  outcome: Exclude<HookOutcome<unknown>, { ended: 'returned' }>,
): { readonly ok: false; readonly failure: Failure } {
  const cause = 'cause' in outcome ? outcome.cause : undefined;
  return { ok: false, failure: { code: `${which}_hook_${outcome.ended}`, detail: file, cause } };
}
