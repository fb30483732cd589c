import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { failed, type Result, success, writeUid } from '@gopush/contract';
import type { AgentRequest } from './agent-request.ts';
import type { AgentContext } from './context.ts';
import { parseHandshake } from './handshake.ts';
import { callHook } from './hooks/call-hook.ts';
import type { UidSource } from './hooks/hook-set.ts';
import { isOriginAllowed } from './origin.ts';
import { requestHeaders, responseHeaders } from './proxy/headers.ts';
import { openUpstream } from './proxy/open-upstream.ts';
import { openTunnel } from './proxy/tunnel.ts';
import { logFailure, rejectUpgrade } from './reject.ts';
import { resolve, uidOf } from './resolve.ts';

/** The upgrade line: is it in order → who is it → where to → tunnel, or reject. */
export async function handleUpgrade(
  request: AgentRequest,
  client: Socket,
  head: Buffer,
  context: AgentContext,
): Promise<void> {
  // First of all: a client that vanishes during any of the steps below must not be anyone's unhandled error.
  const gone = new AbortController();
  const onGone = (): void => gone.abort();
  client.on('error', onGone).once('close', onGone);
  context.tunnels.add(client);
  const served = await serve(request, client, head, gone.signal, context);
  client.off('close', onGone);
  if (served.ok || gone.signal.aborted) return;
  logFailure(context.log, served.failure, { upgrade: true, path: request.path });
  rejectUpgrade(client, served.failure);
}

async function serve(
  request: AgentRequest,
  client: Socket,
  head: Buffer,
  signal: AbortSignal,
  context: AgentContext,
): Promise<Result<void>> {
  const hooks = context.hooks();
  const { config, connections, node } = context;
  const handshake = parseHandshake(request);
  if (!handshake.ok) return handshake;
  const { origin, host } = request.headers;
  if (!isOriginAllowed(origin, host, config.access.allowedOrigins)) return failed('origin_refused', origin);
  const uid = await identify(request, hooks.upgrade, context.hookTimeoutMs);
  if (!uid.ok) return uid;
  const route = await resolve(request, uid.value, hooks, context);
  if (!route.ok) return route;
  const upstream = await openUpstream({
    target: route.value.target,
    path: writeUid(request.url ?? '/', uid.value),
    headers: requestHeaders(request, route.value, node),
    key: handshake.value.key,
    connections,
    timeoutMs: config.agent.handshakeTimeoutMs,
    signal,
  });
  if (!upstream.ok) return upstream;
  const { answer } = upstream.value;
  if (upstream.value.kind === 'answered') {
    relayAnswer(answer, client);
    return success(undefined);
  }
  const { socket } = upstream.value;
  if (signal.aborted) {
    socket.on('error', () => {}).destroy();
    return success(undefined);
  }
  openTunnel(client, socket);
  // What came glued to either head goes out first.
  client.write(writeHead(answer, ['connection', 'Upgrade', 'upgrade', 'websocket']));
  if (upstream.value.head.length > 0) client.write(upstream.value.head);
  if (head.length > 0) socket.write(head);
  return success(undefined);
}

async function identify(request: AgentRequest, source: UidSource, timeoutMs: number): Promise<Result<string>> {
  if (source.kind !== 'function')
    return failed('uid_missing', 'there is no onupgrade hook, and no plain agent function');
  return uidOf(source.file, await callHook(() => source.hook(request), timeoutMs));
}

/** A target that does not upgrade says why: the client gets its answer whole, as it is, and the connection ends. */
function relayAnswer(answer: IncomingMessage, client: Socket): void {
  client.write(writeHead(answer, ['connection', 'close']));
  answer.on('error', () => {});
  answer.once('close', () => {
    if (!answer.complete) client.destroy();
  });
  client.once('close', () => answer.destroy());
  answer.pipe(client);
}

function writeHead(answer: IncomingMessage, ours: readonly string[]): string {
  const headers = [...responseHeaders(answer.rawHeaders), ...ours];
  let head = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n`;
  for (let index = 0; index + 1 < headers.length; index += 2) head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return `${head}\r\n`;
}
