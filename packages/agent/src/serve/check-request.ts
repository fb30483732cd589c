import { type FailureCode, failed, type Result } from '@gopush/contract';
import { expectsUnknown } from '@gopush/service';
import type { AgentRequest } from '../request/agent-request.ts';
import { ambiguityOf } from '../request/request-framing.ts';
import type { AgentContext } from './agent-context.ts';

/** Why a request is refused before anyone looks at who it is from; `undefined`: it is not. */
export function checkRequest(
  request: AgentRequest,
  { limits, config }: Pick<AgentContext, 'limits' | 'config'>,
): Result<never> | undefined {
  const code: FailureCode | undefined = limits.refusal(request.socket);
  if (code !== undefined) return failed(code);
  if (!isPath(request)) return failed('request_malformed', 'the request target is not a path');
  if (expectsUnknown(request)) return failed('expectation_unknown', request.headers.expect);
  const ambiguity = ambiguityOf(request);
  if (ambiguity !== undefined) return failed('request_malformed', ambiguity);
  const headers = request.rawHeaders.length / 2;
  return headers > config.limits.headers ? failed('headers_too_large', `${headers} headers`) : undefined;
}

/** Whether a request target is a path, as whole URLs have become one, or what stands for the server as a whole (RFC 9112 sections 3.2.1 and 3.2.4). */
function isPath({ url, method }: AgentRequest): boolean {
  if (url === '*') return method === 'OPTIONS';
  return url?.startsWith('/') === true;
}

/** About how many bytes the head of a request has. */
export function headBytes({ url, rawHeaders }: AgentRequest): number {
  let bytes = (url?.length ?? 0) + 16;
  for (const text of rawHeaders) bytes += text.length + 2;
  return bytes;
}
