import { isPreflight } from '@gopush/contract';
import type { HookSet } from '../hooks/hook-set.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import type { Destination } from '../route/locate.ts';
import { sourceOf } from '../route/source-of.ts';
import type { AgentContext } from './agent-context.ts';

/**
 * Why a request goes to its target without a hook being asked who the client is, and so without a uid: its route or product is public, it is a
 * preflight that is passed on, or it has an API key for the API; `undefined`: a hook is asked.
 */
export function whyNoHook(
  request: AgentRequest,
  destination: Destination,
  hooks: HookSet,
  { apiCallers }: Pick<AgentContext, 'apiCallers'>,
): 'public' | 'preflight' | 'api-key' | undefined {
  const { entry } = destination;
  const policy = sourceOf(destination, hooks)?.policy;
  if (policy !== undefined && (entry?.public ?? policy.public)) return 'public';
  if (isPreflight(request) && passesPreflights(destination, hooks)) return 'preflight';
  return apiCallers.isCaller(request, destination, hooks) ? 'api-key' : undefined;
}

/** Whether targets get the preflights for a destination. */
export function passesPreflights(destination: Destination, hooks: HookSet): boolean {
  return (destination.entry?.preflight ?? sourceOf(destination, hooks)?.policy.preflight) === 'pass';
}
