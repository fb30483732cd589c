import type { ServerResponse } from 'node:http';
import { failed, type Result, writeUid } from '@gopush/contract';
import type { AgentRequest } from './agent-request.ts';
import type { AgentContext } from './context.ts';
import { callHook } from './hooks/call-hook.ts';
import type { UidSource } from './hooks/hook-set.ts';
import { forward, hasBody, isFramingSound } from './proxy/forward.ts';
import { requestHeaders } from './proxy/headers.ts';
import { logFailure, rejectRequest } from './reject.ts';
import { resolve, uidOf } from './resolve.ts';
import { tryTargets } from './route/try-targets.ts';

/** The HTTP line: who is it → where to → forward, or reject. */
export async function handleRequest(
  request: AgentRequest,
  response: ServerResponse,
  context: AgentContext,
): Promise<void> {
  const served = await serve(request, response, context);
  if (served.ok) return;
  logFailure(context.log, served.failure, { method: request.method, path: pathOf(request) });
  rejectRequest(response, served.failure);
}

async function serve(request: AgentRequest, response: ServerResponse, context: AgentContext): Promise<Result<void>> {
  // One set for the whole request: an edit in between must not mix two versions.
  const hooks = context.hooks();
  if (!isPath(request.url)) return failed('request_malformed', 'the request target is not a path');
  if (!isFramingSound(request)) return failed('request_malformed', 'a transfer coding other than chunked');
  const uid = await identify(request, response, hooks.http, context.hookTimeoutMs);
  if (uid === 'answered') return { ok: true, value: undefined };
  if (!uid.ok) return uid;
  const route = await resolve(request, uid.value, hooks, context);
  if (!route.ok) return route;
  if (request.readableEnded && Number(request.headers['content-length'] ?? 0) > 0) {
    return failed('internal', 'the agent hook read the body of the request, so there is nothing left to forward');
  }
  // While the hooks took their time the client may have gone.
  if (response.destroyed) return { ok: true, value: undefined };
  const { config, upstreams, node, trusts } = context;
  const path = writeUid(request.url, uid.value);
  const headers = requestHeaders(request, route.value, node, trusts);
  const { answerTimeoutMs } = config.agent;
  return tryTargets(route.value, !hasBody(request), (target) =>
    forward(request, response, { target, path, headers, upstreams, answerTimeoutMs }),
  );
}

async function identify(
  request: AgentRequest,
  response: ServerResponse,
  source: UidSource,
  timeoutMs: number,
): Promise<Result<string> | 'answered'> {
  if (source.kind === 'none') return failed('uid_missing', 'there is no agent hook');
  if (source.kind === 'function') return uidOf(source.file, await callHook(() => source.hook(request), timeoutMs));
  const outcome = await callHook(() => source.app(request, response), timeoutMs);
  if (outcome.ended !== 'returned') {
    // An answer that a middleware began may take as long as it likes.
    return outcome.ended === 'timeout' && response.headersSent ? 'answered' : uidOf(source.file, outcome);
  }
  const { value } = outcome;
  if (value.kind === 'answered') return 'answered';
  if (value.kind === 'threw') return uidOf(source.file, { ended: 'threw', cause: value.cause });
  return uidOf(source.file, { ended: 'returned', value: value.uid });
}

/** Whether a request target is a path (RFC 9112 section 3.2.1); proxies' absolute form and `*` are not served. */
function isPath(url: string | undefined): url is string {
  return url?.startsWith('/') === true && !url.includes('#');
}

/** Without the query, where tokens stand. */
function pathOf(request: AgentRequest): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}
