import type { ServerResponse } from 'node:http';
import { failed, type Result, stickyHeader } from '@gopush/contract';
import { blame } from '../hooks/blame.ts';
import { forward } from '../proxy/http/forward.ts';
import { RequestBody } from '../proxy/http/request-body.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import { hasBody } from '../request/request-framing.ts';
import { Exchange } from '../route/exchange.ts';
import { locate } from '../route/locate.ts';
import type { Route } from '../route/route.ts';
import { stickySignatureFor } from '../route/sticky.ts';
import type { AgentContext } from './agent-context.ts';
import { askTargets } from './ask-targets.ts';
import { beginSession } from './begin-session.ts';
import { checkPollingPage } from './check-page.ts';
import { checkRequest } from './check-request.ts';
import { findRoute } from './find-route.ts';
import { identifyRequest } from './identify-request.ts';
import { explainPreflight, respondToPreflight } from './preflight.ts';
import { redirectToFolder } from './redirect-to-folder.ts';
import { rejectRequest } from './reject-request.ts';

/** Serves an HTTP request: check it → locate its product → identify the client → find its targets → forward, or reject. */
export async function handleRequest(
  request: AgentRequest,
  response: ServerResponse,
  context: AgentContext,
): Promise<void> {
  if (hasBody(request)) context.slow.sends(request);
  const exchange = new Exchange(request, request.socket, context.originOf(request), context.hooks());
  request.readBody?.begin();
  let result: Result<void>;
  try {
    result = await serve(exchange, response, context);
  } finally {
    request.readBody?.letGo();
  }
  if (!result.ok) rejectRequest(response, result.failure, exchange.origin.id, context.pages);
  context.observer.request(exchange, response, result.ok ? undefined : result.failure);
}

async function serve(exchange: Exchange, response: ServerResponse, context: AgentContext): Promise<Result<void>> {
  const { config, limits, pages } = context;
  const refused =
    checkRequest(exchange.request, limits, config.limits.headers) ??
    checkPollingPage(exchange, pages, config.pushServer.path);
  if (refused !== undefined) return refused;
  const destination = locate(exchange);
  if (!destination.ok) return destination;
  exchange.destination = destination.value;
  if (respondToPreflight(exchange, response, pages) || redirectToFolder(exchange, response, pages)) return done;
  const beginning = beginSession(exchange, context);
  if (!beginning.ok) return beginning;
  try {
    return await routeAndForward(exchange, response, context);
  } finally {
    beginning.value?.ended();
  }
}

async function routeAndForward(
  exchange: Exchange,
  response: ServerResponse,
  context: AgentContext,
): Promise<Result<void>> {
  const { request } = exchange;
  const finding = findRoute(exchange, () => identifyRequest(exchange, response, context.hookTimeoutMs), context);
  const route = finding instanceof Promise ? await finding : finding;
  if (route === 'responded') return done;
  if (!route.ok) return explainPreflight(exchange, blame(route.failure, request, response));
  // The client may have gone while hooks ran.
  if (response.destroyed) return failed('client_gone', 'while hooks ran');
  const { readBody } = request;
  if (readBody?.isTouched === false) readBody.letGo();
  else if (readBody?.failure !== undefined) return readBody.failure;
  exchange.route = route.value;
  return forwardToTarget(exchange, route.value, response, context);
}

function forwardToTarget(
  exchange: Exchange,
  route: Route,
  response: ServerResponse,
  context: AgentContext,
): Promise<Result<void>> {
  const { request } = exchange;
  const { identity, path } = route;
  const { config, connections, headers, signatures, slow, onDraining } = context;
  const { answerTimeoutMs } = config.agent;
  const body = new RequestBody(request, connections.bodies);
  const serving = askTargets(exchange, route, context, async (member) => {
    const { target, product } = member;
    const signature = stickySignatureFor(exchange, identity, member, signatures);
    // Only now: signatures expire, and the client may have waited.
    const forTarget = headers.forTarget(exchange, identity, target);
    if (signature?.header !== undefined) forTarget.push(stickyHeader, signature.header);
    member.requests++;
    try {
      return await forward(request, response, {
        target,
        path,
        headers: forTarget,
        ownHeaders: signature?.cookie === undefined ? [] : ['set-cookie', signature.cookie],
        body,
        connections,
        onDraining,
        answerTimeoutMs,
        reuse: product.policy.reuse,
        slow,
      });
    } finally {
      member.requests--;
    }
  });
  return body.exists ? serving.finally(() => body.letGo()) : serving;
}

const done: Result<void> = { ok: true, value: undefined };
