import { failed, type Result, type Target } from '@gopush/contract';
import type { Route } from '../resolve.ts';
import { pickByRendezvous } from './rendezvous.ts';

/** How often a request moves on to another target before its client is told. */
const maxMoves = 2;

/**
 * Asks the target of a client; while one cannot be reached, the next choice, as nothing of the request has reached the first.
 *
 * @param mayMove - whether the request can be asked of another target at all
 * @param ask - asks one target; only `target_unreachable` moves on
 */
export async function tryTargets<T>(
  { identity, targets }: Route,
  mayMove: boolean,
  ask: (target: Target) => Promise<Result<T>>,
): Promise<Result<T>> {
  let left = targets;
  let result: Result<T> = failed('target_none', `product ${identity.product}`);
  for (let moves = 0; moves <= maxMoves; moves++) {
    const target = pickByRendezvous(identity.product, identity.uid, left);
    if (target === undefined) break;
    result = await ask(target);
    if (!mayMove || result.ok || result.failure.code !== 'target_unreachable') break;
    left = left.filter((other) => other !== target);
  }
  return result;
}
