import { type FailureCode, failed, type Result } from '@gopush/contract';
import { expectsUnknown } from '@gopush/service';
import type { Limits } from '../limits/limits.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import { ambiguityOf } from '../request/request-framing.ts';

/**
 * Why a request is refused before anything of it is looked up; `undefined`: it is not.
 *
 * @param maxHeaders - how many headers it may have
 */
export function checkRequest(request: AgentRequest, limits: Limits, maxHeaders: number): Result<never> | undefined {
  const code: FailureCode | undefined = limits.refusal(request.socket);
  if (code !== undefined) return failed(code);
  if (!isPath(request)) return failed('request_malformed', 'the request target is not a path');
  if (expectsUnknown(request)) return failed('expectation_unknown', request.headers.expect);
  const ambiguity = ambiguityOf(request);
  if (ambiguity !== undefined) return failed('request_malformed', ambiguity);
  const headers = request.rawHeaders.length / 2;
  return headers > maxHeaders ? failed('headers_too_large', `${headers} headers`) : undefined;
}

/**
 * Whether a request target is a path, which absolute URLs have been made by now, or `*` for the server as a whole
 * (RFC 9112 sections 3.2.1 and 3.2.4).
 */
function isPath({ url, method }: AgentRequest): boolean {
  if (url === '*') return method === 'OPTIONS';
  return url?.startsWith('/') === true;
}
