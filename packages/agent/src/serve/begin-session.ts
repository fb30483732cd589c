import { failed, networkOf, type Result, success } from '@gopush/contract';
import { type AdmissionWindow, nextTurn } from '@gopush/service';
import type { Limits } from '../limits/limits.ts';
import { sourceOf } from '../route/destination.ts';
import type { Exchange } from '../route/exchange.ts';
import type { Fleet, Product } from '../route/fleet.ts';
import { beginsSession } from '../route/sticky.ts';

/** A session that may begin, until it has begun or failed. */
export interface Beginning {
  /** Hooks have routed it, or have refused it. */
  decided(): void;
  /** Begun, or failed. */
  ended(): void;
}

/**
 * Lets a session begin, or refuses it before hooks are asked and anything is opened for it: a refusal must be cheap.
 *
 * @returns `undefined` for a request of a session that exists already, and for one of which this is not known
 */
export function beginSession(
  { request, destination, hooks, origin }: Exchange,
  { fleet, limits }: { readonly fleet: Fleet; readonly limits: Limits },
): Result<Beginning | undefined> {
  if (!beginsSession(request)) return success(undefined);
  const now = performance.now();
  const source = sourceOf(destination, hooks);
  const product: Product | undefined = source === undefined ? undefined : fleet.products.get(source.product);
  const network = networkOf(origin.address);
  if (product?.isOverloaded(network, now) === true) return overloadedTargets;
  const { beginning } = limits;
  const leave = enter(beginning, network, now);
  if (leave === undefined) return failed('overloaded', 'many sessions are being opened');
  // How long one turn of the event loop takes: waiting for hooks and targets is not work of this process.
  if (beginning !== undefined) measureTurn(beginning, now);
  const decided = enter(product?.deciding, network, now) ?? ignore;
  return success({
    decided,
    ended() {
      decided();
      leave();
    },
  });
}

/** The rest of this turn and the two after it, timers included: hooks of an upgrade that begins now run at the end of the next one. */
function measureTurn(window: AdmissionWindow, from: number): void {
  void nextTurn().then(() => {
    setImmediate(() => {
      const now = performance.now();
      window.took(now - from, now);
    });
  });
}

/** @returns gives the place back; `undefined`: there is none */
function enter(window: AdmissionWindow | undefined, network: string, now: number): (() => void) | undefined {
  if (window === undefined) return ignore;
  const place = window.enter(now, network);
  return place === undefined ? undefined : () => window.leave(place);
}

function ignore(): void {}

/** Refused by this agent on behalf of targets that do not keep up. */
export const overloadedTargets = failed('overloaded', 'the targets do not keep up with new handshakes');
