import { Socket } from 'node:net';
import { type Identity, plainAddress, type Result } from '@gopush/contract';
import { type Awaitable, andThen } from '@gopush/hooks';
import { type OfferResponse, offerUpgrade, type UpgradeOffer } from '../../hand-off/offer-upgrade.ts';
import { fitsRecord } from '../../hand-off/record.ts';
import type { SessionRequest } from '../../request/session-request.ts';
import type { Exchange } from '../../route/exchange.ts';
import type { Member } from '../../route/fleet.ts';
import type { AgentContext } from '../agent-context.ts';

/** An upgrade request for one target. */
interface OwnRequest {
  readonly member: Member;
  readonly identity: Identity;
  /** The request as the target gets it. */
  readonly text: string;
  /** The request of the client, for asking other targets to take the session. */
  readonly own: SessionRequest;
}

/**
 * Offers a client's connection to a target on this machine.
 *
 * @returns `undefined` if it cannot be handed over: it becomes a tunnel
 */
export function offerClient(
  { client, origin }: Exchange,
  { member, identity, text, own }: OwnRequest,
  { handOff, config }: AgentContext,
): Awaitable<Result<OfferResponse> | undefined> {
  const { target, product } = member;
  // The descriptor of a connection whose TLS ends here carries what only this process can read.
  if (handOff === undefined) return undefined;
  if ((client.constructor as unknown) !== Socket) return handOff.passedOver('tls');
  if (!fitsRecord(own)) return handOff.passedOver('large request');
  const offer: UpgradeOffer = {
    client,
    kind: 'upgrade',
    target,
    request: text,
    // Written out, here and in the next steps: V8 takes long to copy an object into a literal that has more properties.
    record: {
      id: origin.id,
      address: origin.address,
      uid: identity.uid,
      product: identity.product,
      peer: plainAddress(client.remoteAddress),
      route: product.name,
      target: target.name,
      migrations: 0,
      url: own.url,
      path: own.path,
      headers: own.headers,
      key: own.key,
    },
    timeoutMs: config.agent.handshakeTimeoutMs,
  };
  return andThen(handOff.giverTo(target), (giver) => giver && offerUpgrade(giver, handOff, offer));
}
