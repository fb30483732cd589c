import type { Socket } from 'node:net';
import { type Failure, failed, type Result, success } from '@gopush/contract';
import { type Awaitable, andThen, callHook } from '@gopush/hooks';
import { nextTurn } from '@gopush/service';
import { explainUnknown } from '../../hooks/explain-unknown.ts';
import { uidOf } from '../../hooks/hook-result.ts';
import { type TunnelPlace, takeTunnelPlace } from '../../limits/tunnel-limits.ts';
import { relayRefusal, relayWhole } from '../../proxy/upgrade/relay-refusal.ts';
import type { AgentRequest } from '../../request/agent-request.ts';
import { closeAtEnd, leaveOpen } from '../../request/close-at-end.ts';
import { parseHandshake } from '../../request/handshake.ts';
import { Exchange } from '../../route/exchange.ts';
import { locate } from '../../route/locate.ts';
import type { AgentContext } from '../agent-context.ts';
import { type Beginning, beginSession } from '../begin-session.ts';
import { checkPage } from '../check-page.ts';
import { checkRequest } from '../check-request.ts';
import { findRoute } from '../find-route.ts';
import { askToUpgrade } from './ask-to-upgrade.ts';
import { handOver } from './hand-over.ts';
import { openTunnel } from './open-tunnel.ts';
import { rejectUpgrade } from './reject-upgrade.ts';
import { isUpgraded, release, type TargetResponse } from './target-response.ts';

/**
 * Serves an upgrade: check it → locate its product → identify the client → find its targets → ask one to upgrade → tunnel, or reject.
 *
 * @param early - what the client has sent after the head already
 */
export async function handleUpgrade(
  request: AgentRequest,
  client: Socket,
  early: Buffer,
  context: AgentContext,
): Promise<void> {
  const exchange = new Exchange(request, client, context.originOf(request), context.hooks());
  const admitted = admit(exchange, context);
  context.tunnels.greet(client);
  // A refusal in a storm must be cheap, so this is all that is set up for it.
  if (!admitted.ok) return refuse(exchange, admitted.failure, context);
  // A client that vanishes during any of the steps below must not cause an unhandled error.
  client.on('error', ignore);
  closeAtEnd(client);
  const { key, beginning } = admitted.value;
  let result: Result<void>;
  try {
    // The request of a client that left while it waited in the kernel: no hook runs, and no target is asked.
    if (beginning !== undefined) await nextTurn();
    result = client.destroyed
      ? failed('client_gone', 'before hooks ran')
      : await routeAndConnect({ exchange, key, early, beginning }, context);
  } finally {
    beginning?.ended();
  }
  if (result.ok) return;
  leaveOpen(client);
  refuse(exchange, result.failure, context);
}

function refuse(exchange: Exchange, failure: Failure, { observer }: AgentContext): void {
  observer.upgradeFailed(exchange, failure);
  if (!exchange.client.destroyed) rejectUpgrade(exchange.client, failure, exchange.origin.id);
}

/** Checks an upgrade, and locates its product, in one turn of the event loop. */
function admit(exchange: Exchange, context: AgentContext): Result<Admitted> {
  const { request } = exchange;
  const refused = checkRequest(request, context.limits, context.config.limits.headers);
  if (refused !== undefined) return refused;
  const handshake = parseHandshake(request);
  if (!handshake.ok) return handshake;
  const foreign = checkPage(exchange, context.pages);
  if (foreign !== undefined) return foreign;
  const destination = locate(exchange);
  if (!destination.ok) return destination;
  exchange.destination = destination.value;
  const beginning = beginSession(exchange, context);
  if (!beginning.ok) return beginning;
  return success({ key: handshake.value.key, beginning: beginning.value });
}

/** An upgrade that was checked and may be served. */
interface Admitted {
  /** The client's `Sec-WebSocket-Key`. */
  readonly key: string;
  readonly beginning: Beginning | undefined;
}

/** The same with its exchange. */
interface Upgrade extends Admitted {
  readonly exchange: Exchange;
  readonly early: Buffer;
}

async function routeAndConnect(
  { exchange, key, early, beginning }: Upgrade,
  context: AgentContext,
): Promise<Result<void>> {
  const { client } = exchange;
  const finding = findRoute<never>(exchange, () => identifyUpgrade(exchange, context.hookTimeoutMs), context);
  const route = finding instanceof Promise ? await finding : finding;
  if (!route.ok) return route;
  // The client may have gone while hooks ran; its close event is over.
  if (client.destroyed) return failed('client_gone', 'while hooks ran');
  const place = takeTunnelPlace(context.limits.tunnels, route.value.identity.uid, client);
  if (place === undefined) return failed('too_many_tunnels_uid');
  exchange.route = route.value;
  beginning?.decided();
  let response: Result<TargetResponse> | undefined;
  try {
    response = await askToUpgrade(exchange, key, route.value, context);
  } finally {
    if (!isUpgraded(response)) place.leave();
  }
  if (!response.ok) return response;
  const { value } = response;
  if (isUpgraded(response)) {
    if (!place.keep()) return letGo(value, place);
    if ('offered' in value) return handOver(exchange, early, value, context);
    openTunnel(exchange, early, value, context);
    return success(undefined);
  }
  context.observer.upgradeRelayed(exchange, value.head.status);
  leaveOpen(client);
  if ('offered' in value) relayWhole(value.head, value.body, value.offered.body, client);
  else relayRefusal(value, client, context.observer.fault);
  return success(undefined);
}

/** Releases a target that upgraded while the client closed. */
function letGo(response: TargetResponse, place: TunnelPlace): Result<never> {
  place.leave();
  release(response);
  response.member.tunnels--;
  return failed('client_gone', 'while the target handled the upgrade');
}

function identifyUpgrade(
  { request, hooks: { upgrade: source } }: Exchange,
  timeoutMs: number,
): Awaitable<Result<string>> {
  if (source.kind !== 'function')
    return failed('uid_missing', 'there is no onupgrade hook, and the agent hook is not a plain function');
  return andThen(
    callHook(() => source.hook(request), timeoutMs),
    (outcome) => explainUnknown(source, outcome, uidOf(source.file, outcome), timeoutMs),
  );
}

function ignore(): void {}
