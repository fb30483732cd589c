import type { ServerResponse } from 'node:http';
import { allowReading, allowSending, isPreflight } from '@gopush/contract';
import type { AgentRequest } from './agent-request.ts';
import type { AgentContext } from './context.ts';
import type { HookSet } from './hooks/hook-set.ts';
import type { Destination } from './route/locate.ts';
import { passesPreflights } from './without-hook.ts';

/**
 * Answers a preflight of a listed origin, unless its product has preflights passed on. It has no credentials, so no hook could tell who it is
 * from. Those of other origins go on: an app hook may answer them.
 *
 * @returns whether it is answered
 */
export function answerPreflight(
  request: AgentRequest,
  response: ServerResponse,
  destination: Destination,
  hooks: HookSet,
  { pages }: Pick<AgentContext, 'pages'>,
): boolean {
  if (!isPreflight(request) || passesPreflights(destination, hooks)) return false;
  if (!allowReading(request, response, pages)) return false;
  allowSending(request, response);
  response.writeHead(204).end();
  return true;
}
