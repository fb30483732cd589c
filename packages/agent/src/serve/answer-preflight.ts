import type { ServerResponse } from 'node:http';
import { allowReading, allowSending, failed, isPreflight, printable, type Result } from '@gopush/contract';
import type { HookSet } from '../hooks/hook-set.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import type { Destination } from '../route/locate.ts';
import type { AgentContext } from './agent-context.ts';
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

/**
 * What a request is told of which the hooks do not know who it is from: where it is a preflight, that those carry no credentials, and what to
 * change.
 */
export function explainPreflight(request: AgentRequest, unknown: Result<never>): Result<never> {
  const isUnknown =
    !unknown.ok && (unknown.failure.code === 'uid_missing' || unknown.failure.code === 'api_key_missing');
  if (!isUnknown || !isPreflight(request)) return unknown;
  const origin = printable(request.headers.origin ?? '');
  const change = `add it to access.allowedOrigins, or let the target respond: preflight: 'pass'`;
  return failed('origin_refused', `A preflight of a page of origin ${origin} carries no credentials; ${change}.`);
}
