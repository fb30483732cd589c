import { type Config, failed, networkOf, type Result, sessionTokenHeader, success } from '@gopush/contract';
import type { AdmissionWindow, Place } from '@gopush/service';
import type { OfferResponse } from '../../hand-off/offer-upgrade.ts';
import { requestUpgrade, type UpgradeResponse } from '../../proxy/upgrade/request-upgrade.ts';
import type { Exchange } from '../../route/exchange.ts';
import type { Route } from '../../route/route.ts';
import { fullOrDraining } from '../../wire/full-or-draining.ts';
import { headerOf } from '../../wire/response-head.ts';
import type { AgentContext } from '../agent-context.ts';
import { askTargets } from '../ask-targets.ts';
import { overloadedTargets } from '../begin-session.ts';
import { offerClient } from './offer-client.ts';
import { release, type TargetResponse } from './target-response.ts';
import { writeUpgradeRequest } from './write-upgrade-request.ts';

/**
 * Finds a target that responds to an upgrade. While it is open, the upgrade counts as load of its target.
 *
 * @param key - the client's `Sec-WebSocket-Key`
 */
export function askToUpgrade(
  exchange: Exchange,
  key: string,
  route: Route,
  context: AgentContext,
): Promise<Result<TargetResponse>> {
  const { config, migration } = context;
  const { connectTimeoutMs, handshakeTimeoutMs: timeoutMs } = config.agent;
  const { client, request } = exchange;
  return askTargets<TargetResponse>(exchange, route, context, async (member) => {
    const { handshakes, target } = member;
    // A session that exists already is always taken.
    const place = handshakes.enter(performance.now(), networkOf(exchange.origin.address));
    if (place === undefined && route.begins) return overloadedTargets;
    const asked = writeUpgradeRequest(exchange, route, member, context);
    const { path, identity } = route;
    const own = { url: request.url ?? '/', path, headers: asked.headers, key };
    member.tunnels++;
    let response: Result<UpgradeResponse | OfferResponse> | undefined;
    try {
      response =
        (await offerClient(exchange, { member, identity, text: asked.text, own }, context)) ??
        (await requestUpgrade({ target, request: asked.text, key, connectTimeoutMs, timeoutMs, client }));
    } finally {
      if (!response?.ok || response.value.body !== undefined) member.tunnels--;
      learn(handshakes, place, response, config);
    }
    if (!response.ok) return response;
    const { value } = response;
    const why = fullOrDraining(value.head);
    if (why !== undefined) {
      release(value);
      return failed(why, target.name);
    }
    const { cookie } = asked;
    if ('offered' in value) {
      const { offered, head, body, record } = value;
      return success({ offered, head, body, record, identity, member, cookie });
    }
    return success({ ...value, identity, member, cookie, migration: migration.failover.migrationOf(value, own) });
  });
}

/**
 * Learns from a handshake how many a target can take at a time: fewer if it responds that it is overloaded, or is
 * a push-server that responds late. A
 * push-server asks no other service before it responds, so late responses mean that handshakes wait for their turn. Other targets may ask a
 * database, and take long without being overloaded.
 */
function learn(
  handshakes: AdmissionWindow,
  place: Place | undefined,
  response: Result<UpgradeResponse | OfferResponse> | undefined,
  { limits }: Config,
): void {
  if (place !== undefined) handshakes.leave(place);
  if (!response?.ok) return;
  const { body, head } = response.value;
  const now = performance.now();
  if (body === undefined) {
    const isMeasured = limits.eventLoopDelayMs > 0 && headerOf(head, sessionTokenHeader) !== undefined;
    handshakes.took(place !== undefined && isMeasured ? now - place.at : 0, now);
  } else if (headerOf(head, 'x-gopush-error') === 'overloaded') handshakes.refused(now);
}
