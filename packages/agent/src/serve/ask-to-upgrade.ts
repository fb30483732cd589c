import {
  type Config,
  canMigrateHeader,
  failed,
  type Identity,
  type Result,
  sessionTokenHeader,
  stickyHeader,
  success,
} from '@gopush/contract';
import type { AdmissionWindow, Place } from '@gopush/service';
import { requestUpgrade, type UpgradeResponse } from '../proxy/upgrade/request-upgrade.ts';
import type { Exchange } from '../route/exchange.ts';
import type { Member } from '../route/fleet.ts';
import type { Route } from '../route/route.ts';
import { stickySignatureFor } from '../route/sticky.ts';
import type { TunnelParts } from '../tunnel/tunnel.ts';
import { saysFull } from '../wire/full-response.ts';
import { headerOf } from '../wire/response-head.ts';
import { writeHeaders, writeHost, writeRequestHead } from '../wire/write-head.ts';
import type { AgentContext } from './agent-context.ts';
import { askTargets } from './ask-targets.ts';
import { overloadedTargets } from './begin-session.ts';
import { upgradeHeaders } from './upgrade-headers.ts';

/** The response of a target to an upgrade request: a stream to be tunnelled, or a response to be relayed. */
export interface TargetResponse extends UpgradeResponse {
  readonly identity: Identity;
  readonly member: Member;
  /** A `Set-Cookie` for the client, where one keeps it at its target. */
  readonly cookie: string | undefined;
  /** Makes what can migrate the session; `undefined`: it cannot migrate. */
  readonly migration: TunnelParts['migration'];
}

/** Whether a target has upgraded, so that there will be a tunnel, which counts for itself. */
export function isUpgraded(response: Result<TargetResponse> | undefined): boolean {
  return response?.ok === true && response.value.body === undefined;
}

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
  return askTargets(exchange, route, context, async (member) => {
    const { handshakes, target } = member;
    // A session that exists already is always taken.
    const place = handshakes.enter(performance.now());
    if (place === undefined && route.begins) return overloadedTargets;
    const asked = writeUpgradeRequest(exchange, route, member, context);
    member.tunnels++;
    let response: Result<UpgradeResponse> | undefined;
    try {
      response = await requestUpgrade({ target, request: asked.text, key, connectTimeoutMs, timeoutMs, client });
    } finally {
      if (!response?.ok || response.value.body !== undefined) member.tunnels--;
      learn(handshakes, place, response, config);
    }
    if (!response.ok) return response;
    const { socket, head, early, body } = response.value;
    if (saysFull(head)) {
      socket.destroy();
      return failed('target_full', target.name);
    }
    const { path, identity } = route;
    const own = { url: request.url ?? '/', path, headers: asked.headers, key };
    return success({
      socket,
      head,
      early,
      body,
      identity,
      member,
      cookie: asked.cookie,
      migration: migration.failover.migrationOf(response.value, own),
    });
  });
}

const canMigrate = [canMigrateHeader, '1'] as const;

/** The upgrade request for a target. Written for each target anew, because signatures expire and the client may have waited. */
function writeUpgradeRequest(
  exchange: Exchange,
  { identity, path }: Route,
  member: Member,
  { config, headers, signatures }: AgentContext,
): {
  readonly text: string;
  /** Lines of the headers that are the same for each target. */
  readonly headers: string;
  readonly cookie: string | undefined;
} {
  const { target } = member;
  const signature = stickySignatureFor(exchange, identity, member, signatures);
  const ofRequest = writeHeaders([...headers.ofRequest(exchange), ...upgradeHeaders]);
  const ofIdentity = headers.ofIdentity(identity, exchange.origin.id, target);
  const sticky = signature?.header === undefined ? [] : [stickyHeader, signature.header];
  const more = writeHeaders([...ofIdentity, ...sticky, ...(config.seamless.enabled ? canMigrate : [])]);
  const text = writeRequestHead('GET', path, writeHost(ofRequest, target) + more);
  return { text, headers: ofRequest, cookie: signature?.cookie };
}

/**
 * Learns from a handshake how many a target can take at a time: fewer where it says that it is overloaded, or is a push-server that responds late. A
 * push-server asks no other service before it responds, so late responses mean that handshakes wait for their turn. Other targets may ask a
 * database, and take long without being overloaded.
 */
function learn(
  handshakes: AdmissionWindow,
  place: Place | undefined,
  response: Result<UpgradeResponse> | undefined,
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
