import type { ServerResponse } from 'node:http';
import { type Failure, failed, type Result } from '@gopush/contract';
import type { AgentRequest } from '../request/agent-request.ts';

/** The failure of a hook that has read the body of a request. A body that is incomplete, or not what its headers say, is the client's fault. */
export function blame(
  failure: Failure,
  request: AgentRequest,
  response: ServerResponse,
): { readonly ok: false; readonly failure: Failure } {
  const { readBody } = request;
  if (readBody === undefined || !failure.code.includes('_hook_')) return { ok: false, failure };
  const { code, detail, cause } = failure;
  if (!request.complete && response.destroyed) return refused(failed('client_gone', detail));
  if (code.endsWith('_timeout') && !request.complete && request.readableDidRead) {
    return refused(failed('request_timeout', `${detail}: the hook is waiting for the request body`));
  }
  // The errors of body-parser (https://github.com/expressjs/body-parser#errors).
  const { status, expose, type, code: zlib } = (cause ?? {}) as Readonly<Record<string, unknown>>;
  // It gives the errors of zlib, for a body that is not compressed as its header says, no type.
  const what = typeof type === 'string' ? type : /^Z_\w+$/.test(String(zlib)) ? zlib : undefined;
  if (expose !== true || what === undefined || typeof status !== 'number' || status >= 500) {
    return { ok: false, failure };
  }
  return refused(failed(status === 413 ? 'body_too_large' : 'request_malformed', `${detail}: ${what}`));
}

function refused(result: Result<never>): { readonly ok: false; readonly failure: Failure } {
  return result as { readonly ok: false; readonly failure: Failure };
}
