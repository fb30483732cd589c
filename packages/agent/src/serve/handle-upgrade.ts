import type { Socket } from 'node:net';
import {
  type Config,
  canMigrateHeader,
  failed,
  noUser,
  plainAddress,
  type Result,
  sessionTokenHeader,
  stickyCookie,
  stickyHeader,
  success,
} from '@gopush/contract';
import { callHook } from '@gopush/hooks';
import type { AdmissionWindow, Place } from '@gopush/service';
import { answerHeaders, type RequestOrigin } from '../headers/headers.ts';
import { explainUnknown } from '../hooks/explain-unknown.ts';
import type { HookSet, UidSource } from '../hooks/hook-set.ts';
import { type TunnelPlace, takeTunnelPlace } from '../limits/tunnel-limits.ts';
import type { Served, TunnelInfo } from '../observe/observer.ts';
import { relayAnswer } from '../proxy/upgrade/relay-response.ts';
import { openUpstream, type Upstream } from '../proxy/upgrade/request-upgrade.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import { closeAtEnd, leaveOpen } from '../request/close-at-end.ts';
import { type Handshake, parseHandshake } from '../request/handshake.ts';
import { clientKey } from '../route/client-key.ts';
import { type Destination, locate } from '../route/locate.ts';
import { type Route, resolve, uidOf } from '../route/resolve.ts';
import { serveByTarget } from '../route/serve-by-target.ts';
import { markerOf, markFor } from '../route/sticky.ts';
import { adopt } from '../target/carrier.ts';
import type { Tunnel, TunnelParts } from '../tunnel/tunnel.ts';
import { saysFull } from '../wire/full-response.ts';
import { headerOf } from '../wire/response-head.ts';
import { writeHead, writeHeaders, writeHost, writeRequestHead } from '../wire/write-head.ts';
import type { AgentContext } from './agent-context.ts';
import { type Beginning, beginSession, overloadedTargets } from './begin-session.ts';
import { checkPage } from './check-page.ts';
import { checkRequest, headBytes } from './check-request.ts';
import { rejectUpgrade } from './reject.ts';
import { whyNoHook } from './without-hook.ts';

/** The upgrade line: is it in order → who is it → where to → tunnel, or reject. */
export async function handleUpgrade(
  request: AgentRequest,
  client: Socket,
  head: Buffer,
  context: AgentContext,
): Promise<void> {
  // First of all: a client that vanishes during any of the steps below must not be anyone's unhandled error.
  client.on('error', ignore);
  context.tunnels.greet(client);
  closeAtEnd(client);
  const origin = context.headers.origin(request);
  const served: Served = { id: origin.id, address: origin.address, startedAt: performance.now() };
  const result = await serve(request, client, head, origin, served, context);
  if (result.ok) return;
  context.observer.upgradeFailed(request, served, result.failure);
  leaveOpen(client);
  if (!client.destroyed) rejectUpgrade(client, result.failure, served.id);
}

async function serve(
  request: AgentRequest,
  client: Socket,
  head: Buffer,
  origin: RequestOrigin,
  served: Served,
  context: AgentContext,
): Promise<Result<void>> {
  const hooks = context.hooks();
  const refused = checkRequest(request, context);
  if (refused !== undefined) return refused;
  const handshake = parseHandshake(request);
  if (!handshake.ok) return handshake;
  const foreign = checkPage(request, origin, context);
  if (foreign !== undefined) return foreign;
  const destination = locate(request, origin, hooks);
  if (!destination.ok) return destination;
  const beginning = beginSession(request, destination.value, hooks, context);
  if (!beginning.ok) return beginning;
  try {
    const known = { destination: destination.value, handshake: handshake.value, origin, served };
    return await begin(request, client, head, known, hooks, beginning.value, context);
  } finally {
    beginning.value?.ended();
  }
}

/** What is known of an upgrade before anybody is asked whose it is. */
interface KnownUpgrade {
  readonly destination: Destination;
  readonly handshake: Handshake;
  readonly origin: RequestOrigin;
  readonly served: Served;
}

/** Who is it → where to → tunnel, or its target's answer. */
async function begin(
  request: AgentRequest,
  client: Socket,
  head: Buffer,
  known: KnownUpgrade,
  hooks: HookSet,
  beginning: Beginning | undefined,
  context: AgentContext,
): Promise<Result<void>> {
  const { destination, origin, served } = known;
  const noHook = whyNoHook(request, destination, hooks, context);
  const uid = noHook === undefined ? await identify(request, hooks.upgrade, context.hookTimeoutMs) : success(noUser);
  if (!uid.ok) return context.apiCallers.explain(request, destination, hooks, uid);
  served.uid = uid.value;
  const route = await resolve(request, destination, uid.value, hooks, context);
  if (!route.ok) return route;
  // While the hooks took their time the client may have gone; its closing is over and would not be heard of again.
  if (client.destroyed) return failed('client_gone', 'while hooks ran');
  const place = takeTunnelPlace(context.limits.tunnels, uid.value, client);
  if (place === undefined) return failed('too_many_tunnels_uid');
  served.product = route.value.identity.product;
  beginning?.decided();
  let upstream: Result<TakenUpgrade> | undefined;
  try {
    const choosing = noHook === 'api-key' ? undefined : clientKey(uid.value, served.address);
    upstream = await askForTunnel(request, client, known, choosing, route.value, hooks, context);
  } finally {
    if (!isTaken(upstream)) place.leave();
  }
  if (!upstream.ok) return upstream;
  if (isTaken(upstream)) {
    if (!place.keep()) return letGo(upstream.value, place, served);
    join(client, head, upstream.value, origin, served, context);
    return success(undefined);
  }
  context.observer.upgradeAnswered(request, served, upstream.value.head.status);
  leaveOpen(client);
  relayAnswer(upstream.value, client, context.observer.fault);
  return success(undefined);
}

/** Ends what a target has granted to a client that closed in the same moment. */
function letGo({ socket }: TakenUpgrade, place: TunnelPlace, { member }: Served): Result<never> {
  place.leave();
  socket.destroy();
  if (member !== undefined) member.tunnels--;
  return failed('client_gone', 'while the target handled the upgrade');
}

/** Finds a target that takes the upgrade. While it is there it counts for the target's load. */
function askForTunnel(
  request: AgentRequest,
  client: Socket,
  { destination, handshake: { key }, origin, served }: KnownUpgrade,
  choosing: string | undefined,
  route: Route,
  hooks: HookSet,
  context: AgentContext,
): Promise<Result<TakenUpgrade>> {
  const { config, headers, marks, migration } = context;
  const { identity, path } = route;
  const { connectTimeoutMs, handshakeTimeoutMs: timeoutMs } = config.agent;
  return serveByTarget(context, {
    route,
    key: choosing,
    client,
    bytes: headBytes(request),
    again: () => resolve(request, destination, identity.uid, hooks, context),
    async ask(member) {
      served.member = member;
      const { handshakes } = member;
      // What goes on with a session is never too much.
      const place = handshakes.enter(performance.now());
      if (place === undefined && route.begins) return overloadedTargets;
      const { target, product } = member;
      const { sticky } = product.policy;
      const given = sticky === 'cookie' ? request.cookies[stickyCookie] : undefined;
      const mark = markFor(request, destination.entry, sticky, given, markerOf(marks, identity, target.name));
      // Only now: what is signed expires, and a client may have waited.
      const ofRequest = writeHeaders([...headers.ofRequest(request, origin, destination.entry), ...upgradeHeaders]);
      const ofIdentity = headers.ofIdentity(identity, origin.id, target);
      const marked = mark?.header === undefined ? [] : [stickyHeader, mark.header];
      const more = writeHeaders([...ofIdentity, ...marked, ...(config.seamless.enabled ? canMigrate : [])]);
      const asked = writeRequestHead('GET', path, writeHost(ofRequest, target) + more);
      member.tunnels++;
      let upstream: Result<Upstream> | undefined;
      try {
        upstream = await openUpstream({ target, request: asked, key, connectTimeoutMs, timeoutMs, client });
      } finally {
        if (!upstream?.ok || upstream.value.body !== undefined) member.tunnels--;
        learn(handshakes, place, upstream, config);
      }
      if (!upstream.ok) return upstream;
      if (saysFull(upstream.value.head)) {
        upstream.value.socket.destroy();
        return failed('target_full', target.name);
      }
      const { socket, head, early, body } = upstream.value;
      const own = { url: request.url ?? '/', path, headers: ofRequest, key };
      return success({
        socket,
        head,
        early,
        body,
        cookie: mark?.cookie,
        migration: migration.failover.migrationOf(upstream.value, own),
      });
    },
  });
}

/**
 * A target that says it has too much to do is asked fewer handshakes at a time, and a push-server whose answers are late: it asks nobody before
 * it answers, so that those wait for their turn. Others may ask a database, and take long without having too much to do.
 */
function learn(
  handshakes: AdmissionWindow,
  place: Place | undefined,
  upstream: Result<Upstream> | undefined,
  { limits }: Config,
): void {
  if (place !== undefined) handshakes.leave(place);
  if (!upstream?.ok) return;
  const { body, head } = upstream.value;
  const now = performance.now();
  if (body === undefined) {
    const isMeasured = limits.eventLoopDelayMs > 0 && headerOf(head, sessionTokenHeader) !== undefined;
    handshakes.took(place !== undefined && isMeasured ? now - place.at : 0, now);
  } else if (headerOf(head, 'x-gopush-error') === 'overloaded') handshakes.refused(now);
}

/** An upgrade that a target took. */
interface TakenUpgrade extends Upstream {
  /** For the client, where that keeps it on its target. */
  readonly cookie: string | undefined;
  readonly migration: TunnelParts['migration'];
}

/** Whether a tunnel comes of it, which from then on counts for itself. */
function isTaken(upstream: Result<TakenUpgrade> | undefined): boolean {
  return upstream?.ok === true && upstream.value.body === undefined;
}

const canMigrate = [canMigrateHeader, '1'] as const;
const upgradeHeaders = ['connection', 'Upgrade', 'upgrade', 'websocket'] as const;

/** Makes a client and a target that took its upgrade a tunnel. */
function join(
  client: Socket,
  begun: Buffer,
  { socket, early, cookie, migration, head }: TakenUpgrade,
  { address }: RequestOrigin,
  served: Served,
  { limits, tunnels, observer }: AgentContext,
): void {
  const from = plainAddress(client.remoteAddress);
  leaveOpen(client);
  const adopted = adopt(client);
  // One that stays its own socket is no longer counted when that closes, as any other.
  const isKept = adopted.socket !== client;
  if (isKept) limits.connections.keep(client);
  // What was known of the handshake becomes what is known of the tunnel.
  const isCompressed = headerOf(head, 'sec-websocket-extensions') !== undefined && headerOf(head, sessionTokenHeader);
  const cannotMove = isCompressed ? 'compressed' : undefined;
  const info = Object.assign(served, { address, cannotMove, peer: isKept ? from : undefined }) as TunnelInfo;
  const ours = cookie === undefined ? upgradeHeaders : ['set-cookie', cookie, ...upgradeHeaders];
  let tunnel: Tunnel | undefined;
  try {
    const answer = writeHead(head.status, head.reason, [...answerHeaders(head, false), ...ours]);
    tunnel = tunnels.open({ client: adopted.socket, target: socket, info, migration });
    observer.tunnelOpened(info);
    adopted.socket.write(answer, 'latin1');
  } catch (error) {
    adopted.socket.destroy();
    socket.destroy();
    // From here on it counts for itself.
    if (tunnel === undefined) {
      info.member.tunnels--;
      limits.tunnels.close(info.uid);
      if (info.peer !== undefined) limits.connections.leave(info.peer);
    }
    throw error;
  }
  // What came glued to either head goes out first.
  tunnel.start([begun, ...adopted.early].filter(notEmpty), [early].filter(notEmpty));
}

function ignore(): void {}

function notEmpty({ length }: Buffer): boolean {
  return length > 0;
}

async function identify(request: AgentRequest, source: UidSource, timeoutMs: number): Promise<Result<string>> {
  if (source.kind !== 'function')
    return failed('uid_missing', 'there is no onupgrade hook, and the agent hook is not a plain function');
  const outcome = await callHook(() => source.hook(request), timeoutMs);
  return explainUnknown(source, outcome, uidOf(source.file, outcome), timeoutMs);
}
