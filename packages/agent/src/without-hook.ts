import { isPreflight } from '@gopush/contract';
import type { AgentRequest } from './agent-request.ts';
import type { AgentContext } from './context.ts';
import type { HookSet } from './hooks/hook-set.ts';
import { sourceOf } from './hooks/source-of.ts';
import type { Destination } from './route/locate.ts';

/**
 * Whether a request goes to its target without a hook being asked who the client is, and so without a uid: its product is public, it is a
 * preflight that its product passes on, or it has an API key for the API.
 */
export function isWithoutHook(
  request: AgentRequest,
  destination: Destination,
  hooks: HookSet,
  { apiCallers }: Pick<AgentContext, 'apiCallers'>,
): boolean {
  const policy = sourceOf(destination, hooks)?.policy;
  if (policy?.public === true) return true;
  if (policy?.preflight === 'pass' && isPreflight(request)) return true;
  return apiCallers.isCaller(request, destination, hooks);
}
