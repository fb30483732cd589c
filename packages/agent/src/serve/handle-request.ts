import type { ServerResponse } from 'node:http';
import { failed, noUser, type Result, stickyCookie, stickyHeader, success } from '@gopush/contract';
import { type Awaitable, andThen, callHook } from '@gopush/hooks';
import type { RequestOrigin } from '../headers/headers.ts';
import { giveBack } from '../hooks/app-messages.ts';
import { blame } from '../hooks/blame.ts';
import { explainUnknown } from '../hooks/explain-unknown.ts';
import type { HookSet, UidSource } from '../hooks/hook-set.ts';
import type { Served } from '../observe/observer.ts';
import { forward } from '../proxy/http/forward.ts';
import { RequestBody } from '../proxy/http/request-body.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import { hasBody } from '../request/request-framing.ts';
import { clientKey } from '../route/client-key.ts';
import { type Destination, locate } from '../route/locate.ts';
import { resolve, uidOf } from '../route/resolve.ts';
import { serveByTarget } from '../route/serve-by-target.ts';
import { markerOf, markFor } from '../route/sticky.ts';
import type { AgentContext } from './agent-context.ts';
import { answerPreflight, explainPreflight } from './answer-preflight.ts';
import { beginSession } from './begin-session.ts';
import { checkPollingPage } from './check-page.ts';
import { checkRequest, headBytes } from './check-request.ts';
import { redirectToFolder } from './redirect-to-folder.ts';
import { rejectRequest } from './reject.ts';
import { whyNoHook } from './without-hook.ts';

/** The HTTP line: may it come in → who is it → where to → forward, or reject. */
export async function handleRequest(
  request: AgentRequest,
  response: ServerResponse,
  context: AgentContext,
): Promise<void> {
  if (hasBody(request)) context.slow.sends(request);
  const origin = context.headers.origin(request);
  const served: Served = { id: origin.id, address: origin.address, startedAt: performance.now() };
  request.readBody?.begin();
  let result: Result<void>;
  try {
    result = await serve(request, response, origin, served, context);
  } finally {
    request.readBody?.letGo();
  }
  if (!result.ok) rejectRequest(response, result.failure, served.id, context.pages);
  context.observer.request(request, response, served, result.ok ? undefined : result.failure);
}

async function serve(
  request: AgentRequest,
  response: ServerResponse,
  origin: RequestOrigin,
  served: Served,
  context: AgentContext,
): Promise<Result<void>> {
  // One set for the whole request: an edit in between must not mix two versions.
  const hooks = context.hooks();
  const refused = checkRequest(request, context);
  if (refused !== undefined) return refused;
  const foreign = checkPollingPage(request, origin, context);
  if (foreign !== undefined) return foreign;
  const destination = locate(request, origin, hooks);
  if (!destination.ok) return destination;
  if (answerPreflight(request, response, destination.value, hooks, context)) return done;
  if (redirectToFolder(request, response, destination.value.entry, context.pages)) return done;
  const beginning = beginSession(request, destination.value, hooks, context);
  if (!beginning.ok) return beginning;
  if (beginning.value === undefined)
    return answer(request, response, destination.value, hooks, origin, served, context);
  try {
    return await answer(request, response, destination.value, hooks, origin, served, context);
  } finally {
    beginning.value.ended();
  }
}

/** Who is it → where to → forward. */
async function answer(
  request: AgentRequest,
  response: ServerResponse,
  destination: Destination,
  hooks: HookSet,
  origin: RequestOrigin,
  served: Served,
  context: AgentContext,
): Promise<Result<void>> {
  const noHook = whyNoHook(request, destination, hooks, context);
  const identified =
    noHook === undefined ? identify(request, response, hooks.http, context.hookTimeoutMs) : success(noUser);
  const uid = identified instanceof Promise ? await identified : identified;
  if (uid === 'answered') return done;
  if (!uid.ok) {
    const unknown = blame(uid.failure, request, response);
    return explainPreflight(request, context.apiCallers.explain(request, destination, hooks, unknown));
  }
  served.uid = uid.value;
  const resolved = resolve(request, destination, uid.value, hooks, context);
  const route = resolved instanceof Promise ? await resolved : resolved;
  if (!route.ok) return blame(route.failure, request, response);
  // While the hooks took their time the client may have gone.
  if (response.destroyed) return failed('client_gone', 'while hooks ran');
  const { readBody } = request;
  if (readBody?.isTouched === false) readBody.letGo();
  else if (readBody?.failure !== undefined) return readBody.failure;
  const { identity, path } = route.value;
  served.product = identity.product;
  const { config, upstreams, headers, marks, slow, onDraining } = context;
  const { answerTimeoutMs } = config.agent;
  const body = new RequestBody(request, upstreams.bodies);
  const serving = serveByTarget(context, {
    route: route.value,
    key: noHook === 'api-key' ? undefined : clientKey(uid.value, served.address),
    client: request.socket,
    bytes: headBytes(request),
    again: () => resolve(request, destination, identity.uid, hooks, context),
    async ask(member) {
      served.member = member;
      const { target, product } = member;
      const { sticky } = product.policy;
      const given = sticky === 'cookie' ? request.cookies[stickyCookie] : undefined;
      const mark = markFor(request, destination.entry, sticky, given, markerOf(marks, identity, target.name));
      // Only now: what is signed expires, and a client may have waited.
      const ownHeaders = headers.forTarget(request, identity, origin, target, destination.entry);
      member.requests++;
      try {
        return await forward(request, response, {
          target,
          path,
          headers: mark?.header === undefined ? ownHeaders : [...ownHeaders, stickyHeader, mark.header],
          answerHeaders: mark?.cookie === undefined ? [] : ['set-cookie', mark.cookie],
          body,
          upstreams,
          onDraining,
          answerTimeoutMs,
          reuse: product.policy.reuse,
          slow,
        });
      } finally {
        member.requests--;
      }
    },
  });
  return body.exists ? serving.finally(() => body.letGo()) : serving;
}

const done: Result<void> = { ok: true, value: undefined };

function identify(
  request: AgentRequest,
  response: ServerResponse,
  source: UidSource,
  timeoutMs: number,
): Awaitable<Result<string> | 'answered'> {
  if (source.kind === 'none') return failed('uid_missing', 'there is no agent hook');
  if (source.kind === 'function') {
    return andThen(
      callHook(() => source.hook(request), timeoutMs),
      (outcome) => explainUnknown(source, outcome, uidOf(source.file, outcome), timeoutMs),
    );
  }
  return andThen(
    callHook(() => source.app(request, response), timeoutMs),
    (outcome) => {
      if (outcome.ended !== 'returned') {
        // An answer that a middleware began may take as long as it likes.
        if (outcome.ended === 'timeout' && response.headersSent) return 'answered';
        giveBack(response);
        return explainUnknown(source, outcome, uidOf(source.file, outcome), timeoutMs);
      }
      const { value } = outcome;
      if (value.kind === 'answered') return 'answered';
      if (value.kind === 'threw') return uidOf(source.file, { ended: 'threw', cause: value.cause });
      if (response.writableEnded) return 'answered';
      // What it began nobody can end: neither the hook, which passed it on, nor a target, whose status comes too late.
      if (response.headersSent) {
        return failed('uid_hook_bad_value', `${source.file}: it wrote part of a response and called next()`);
      }
      const passed = { ended: 'returned', value: value.uid } as const;
      return explainUnknown(source, passed, uidOf(source.file, passed), timeoutMs);
    },
  );
}
