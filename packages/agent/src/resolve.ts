import {
  type Failure,
  failed,
  type Identity,
  parseTargets,
  parseUid,
  type Result,
  readProduct,
  success,
  type Target,
} from '@gopush/contract';
import type { AgentRequest } from './agent-request.ts';
import { callHook, type HookOutcome } from './hooks/call-hook.ts';
import type { HookSet, RouteSource } from './hooks/hook-set.ts';

/** Who a client is and which targets can serve it. */
export interface Route {
  readonly identity: Identity;
  readonly targets: readonly Target[];
}

/** What resolving needs besides the request. */
export interface ResolveContext {
  /** Longest time of one hook call, in milliseconds. */
  readonly hookTimeoutMs: number;
  readonly builtInTargets: readonly Target[];
}

/**
 * From a request of a known uid to its targets: which product, where it goes. HTTP and upgrades both use it.
 */
export async function resolve(
  request: AgentRequest,
  uid: string,
  hooks: HookSet,
  context: ResolveContext,
): Promise<Result<Route>> {
  const product = readProduct(request.url ?? '/');
  if (!product.ok) return product;
  const source = hooks.products.get(product.value) ?? hooks.otherProducts;
  if (source === undefined) return failed('product_unknown');
  const targets = await targetsOf(source, request, uid, context);
  if (!targets.ok) return targets;
  if (targets.value.length === 0) return failed('target_none', `product ${product.value}`);
  return success({ identity: { uid, product: product.value }, targets: targets.value });
}

async function targetsOf(
  source: RouteSource,
  request: AgentRequest,
  uid: string,
  { hookTimeoutMs, builtInTargets }: ResolveContext,
): Promise<Result<readonly Target[]>> {
  if (source.kind === 'targets') return success(source.targets);
  const outcome = await callHook(() => source.hook(request, uid), hookTimeoutMs);
  if (outcome.ended !== 'returned') return hookFailed('router', source.file, outcome);
  const { value } = outcome;
  if (value === undefined || value === null) return success([]);
  const targets = readTargets(value, builtInTargets);
  return typeof targets === 'string' ? failed('router_hook_bad_value', `${source.file}: ${targets}`) : success(targets);
}

function readTargets(value: unknown, builtInTargets: readonly Target[]): readonly Target[] | string {
  try {
    return parseTargets(value, builtInTargets);
  } catch (error) {
    return `it returned something that throws when read: ${String(error)}`;
  }
}

/** What a uid hook's call came to, as a uid or a failure. */
export function uidOf(file: string, outcome: HookOutcome<unknown>): Result<string> {
  if (outcome.ended !== 'returned') return hookFailed('uid', file, outcome);
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
