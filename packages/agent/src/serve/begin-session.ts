import { failed, type Result, success } from '@gopush/contract';
import type { AdmissionWindow } from '@gopush/service';
import type { HookSet } from '../hooks/hook-set.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import type { Product } from '../route/fleet.ts';
import type { Destination } from '../route/locate.ts';
import { sourceOf } from '../route/source-of.ts';
import { beginsSession } from '../route/sticky.ts';
import type { AgentContext } from './agent-context.ts';

/** A session that may begin, until it has, or could not. */
export interface Beginning {
  /** Hooks have said where it goes, or that it goes nowhere. */
  decided(): void;
  /** Begun, or failed. */
  ended(): void;
}

/**
 * Lets a session begin, or refuses it before hooks are asked and anything is opened for it: what is refused must cost next to nothing.
 *
 * @returns `undefined` for a request of a session that there is, and for one of which nobody can tell
 */
export function beginSession(
  request: AgentRequest,
  destination: Destination,
  hooks: HookSet,
  { fleet, limits }: Pick<AgentContext, 'fleet' | 'limits'>,
): Result<Beginning | undefined> {
  if (!beginsSession(request)) return success(undefined);
  const now = performance.now();
  const product = productOf(destination, hooks, fleet);
  if (product?.isOverloaded(now) === true) return overloadedTargets;
  const { beginning } = limits;
  const leave = enter(beginning, now);
  if (leave === undefined) return failed('overloaded', 'many sessions are being opened');
  // How long one turn of the event loop takes: what waits for hooks and targets is not this process's work.
  if (beginning !== undefined) measureTurn(beginning, now);
  const decided = enter(product?.deciding, now) ?? ignore;
  return success({
    decided,
    ended() {
      decided();
      leave();
    },
  });
}

/** The rest of this turn, and the whole next one, timers included. */
function measureTurn(window: AdmissionWindow, from: number): void {
  setImmediate(() =>
    setImmediate(() => {
      const now = performance.now();
      window.took(now - from, now);
    }),
  );
}

/** @returns gives the place back; `undefined`: there is none */
function enter(window: AdmissionWindow | undefined, now: number): (() => void) | undefined {
  if (window === undefined) return ignore;
  const place = window.enter(now);
  return place === undefined ? undefined : () => window.leave(place);
}

function ignore(): void {}

/** Refused by this agent in the name of targets that do not keep up. */
export const overloadedTargets = failed('overloaded', 'the targets do not keep up with new handshakes');

/** The product of a request, where it is known and has had clients. */
function productOf(destination: Destination, hooks: HookSet, fleet: AgentContext['fleet']): Product | undefined {
  const source = sourceOf(destination, hooks);
  return source === undefined ? undefined : fleet.products.get(source.product);
}
