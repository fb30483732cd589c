import type { Identity, Result } from '@gopush/contract';
import type { OfferResponse } from '../../hand-off/offer-upgrade.ts';
import type { UpgradeResponse } from '../../proxy/upgrade/request-upgrade.ts';
import type { Member } from '../../route/fleet.ts';
import type { TunnelParts } from '../../tunnel/tunnel.ts';

/** The client and the target of a response. */
interface Responded {
  readonly identity: Identity;
  readonly member: Member;
  /** A `Set-Cookie` for the client, if one keeps it at its target. */
  readonly cookie: string | undefined;
}

/** A target that was sent the request over a connection of its own. */
export interface TunnelResponse extends UpgradeResponse, Responded {
  /** Makes what can migrate the session; `undefined`: it cannot migrate. */
  readonly migration: TunnelParts['migration'];
}

/** A target that was offered the client's connection. */
export interface HandOffResponse extends OfferResponse, Responded {}

/** The response of a target to an upgrade request: it has upgraded, or the response is to be relayed. */
export type TargetResponse = TunnelResponse | HandOffResponse;

/** Whether a target has upgraded, so that there will be a tunnel or a hand-off, which counts for itself. */
export function isUpgraded(response: Result<TargetResponse> | undefined): boolean {
  return response?.ok === true && response.value.body === undefined;
}

/** Releases a target whose response is not needed. */
export function release(response: UpgradeResponse | OfferResponse): void {
  if ('offered' in response) response.offered.withdraw();
  else response.socket.destroy();
}
