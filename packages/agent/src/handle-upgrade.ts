import type { Socket } from 'node:net';
import { failed, type Result, success, writeUid } from '@gopush/contract';
import type { AgentRequest } from './agent-request.ts';
import type { AgentContext } from './context.ts';
import { parseHandshake } from './handshake.ts';
import { callHook } from './hooks/call-hook.ts';
import type { UidSource } from './hooks/hook-set.ts';
import { isOriginAllowed } from './origin.ts';
import { adopt } from './proxy/carrier.ts';
import { requestHeaders, responseHeaders } from './proxy/headers.ts';
import { openUpstream } from './proxy/open-upstream.ts';
import { relayAnswer } from './proxy/relay-answer.ts';
import { writeHead, writeRequestHead } from './proxy/write-head.ts';
import { logFailure, rejectUpgrade } from './reject.ts';
import { resolve, uidOf } from './resolve.ts';
import { tryTargets } from './route/try-targets.ts';

/** The upgrade line: is it in order → who is it → where to → tunnel, or reject. */
export async function handleUpgrade(
  request: AgentRequest,
  client: Socket,
  head: Buffer,
  context: AgentContext,
): Promise<void> {
  // First of all: a client that vanishes during any of the steps below must not be anyone's unhandled error.
  client.on('error', () => {});
  context.tunnels.greet(client);
  const served = await serve(request, client, head, context);
  if (served.ok || client.destroyed) return;
  logFailure(context.log, served.failure, { upgrade: true, path: request.path });
  rejectUpgrade(client, served.failure);
}

async function serve(
  request: AgentRequest,
  client: Socket,
  head: Buffer,
  context: AgentContext,
): Promise<Result<void>> {
  const hooks = context.hooks();
  const { config, tunnels, node, trusts } = context;
  const handshake = parseHandshake(request);
  if (!handshake.ok) return handshake;
  const { origin, host } = request.headers;
  if (!isOriginAllowed(origin, host, config.access.allowedOrigins)) return failed('origin_refused', origin);
  const uid = await identify(request, hooks.upgrade, context.hookTimeoutMs);
  if (!uid.ok) return uid;
  const route = await resolve(request, uid.value, hooks, context);
  if (!route.ok) return route;
  // While the hooks took their time the client may have gone; its closing is over and would not be heard of again.
  if (client.destroyed) return success(undefined);
  const path = writeUid(request.url ?? '/', uid.value);
  const headers = [
    ...requestHeaders(request, route.value, node, trusts),
    'connection',
    'Upgrade',
    'upgrade',
    'websocket',
  ];
  const asked = writeRequestHead('GET', path, headers);
  const { connectTimeoutMs, handshakeTimeoutMs: timeoutMs } = config.agent;
  const upstream = await tryTargets(route.value, true, (target) =>
    openUpstream({ target, request: asked, key: handshake.value.key, connectTimeoutMs, timeoutMs, client }),
  );
  if (!upstream.ok) return upstream;
  const { socket, early, body } = upstream.value;
  if (body !== undefined) {
    relayAnswer(upstream.value, client);
    return success(undefined);
  }
  if (client.destroyed) {
    socket.destroy();
    return success(undefined);
  }
  const { status, reason, headers: answered } = upstream.value.head;
  const adopted = adopt(client);
  const tunnel = tunnels.open(adopted.socket, socket, () => {});
  const answer = [...responseHeaders(answered), 'connection', 'Upgrade', 'upgrade', 'websocket'];
  adopted.socket.write(writeHead(status, reason, answer), 'latin1');
  // What came glued to either head goes out first.
  tunnel.start([head, ...adopted.early].filter(notEmpty), [early].filter(notEmpty));
  return success(undefined);
}

function notEmpty({ length }: Buffer): boolean {
  return length > 0;
}

async function identify(request: AgentRequest, source: UidSource, timeoutMs: number): Promise<Result<string>> {
  if (source.kind !== 'function')
    return failed('uid_missing', 'there is no onupgrade hook, and no plain agent function');
  return uidOf(source.file, await callHook(() => source.hook(request), timeoutMs));
}
