import type { Socket } from 'node:net';
import { type FailureCode, failed, type Result, success, type Target } from '@gopush/contract';
import type { Giver, NotOffered, Offered, OfferKind, OfferSignal } from '@gopush/hand-off';
import { checkResponse } from '../proxy/upgrade/request-upgrade.ts';
import { type BodyFraming, parseResponseHead, type ResponseHead } from '../wire/response-head.ts';
import type { HandOff, NotHandedOff } from './hand-off.ts';
import type { Handed, HandedClient } from './handed-client.ts';
import type { HandOffRecord } from './record.ts';

/** The record of a connection, as far as it is known before its target has responded. */
type OfferedRecord = Omit<
  HandOffRecord,
  'token' | 'before' | 'cannotMigrate' | 'openedAt' | 'openedUp' | 'bytesInBefore' | 'bytesOutBefore'
>;

/** The response of a target that was offered a client's connection. */
export interface OfferResponse {
  readonly offered: Offered<HandedClient>;
  readonly head: ResponseHead;
  /** The framing of the body of a response that is no upgrade; `undefined`: it is an upgrade. */
  readonly body: BodyFraming | undefined;
  /** The record of the connection, as far as it was known before. */
  readonly record: OfferedRecord;
}

/** An upgrade request, with the connection it came on. */
export interface UpgradeOffer {
  readonly client: Socket | Handed;
  readonly kind: OfferKind;
  readonly target: Target;
  /** The request as the target gets it. */
  readonly request: string;
  readonly record: OfferedRecord;
  /** Longest time until the target responds, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts when another target has responded first. */
  readonly abandoned?: OfferSignal;
}

/**
 * Offers a client's connection to a target, together with its upgrade request.
 *
 * @returns `undefined` if the connection cannot be handed over, so that the target is to be asked over a connection of its own
 */
export async function offerUpgrade(
  giver: Giver<HandedClient>,
  handOff: Pick<HandOff, 'passedOver'>,
  { client, kind, target, request, record, timeoutMs, abandoned }: UpgradeOffer,
): Promise<Result<OfferResponse> | undefined> {
  const outcome = await giver.offer({
    client,
    kind,
    head: Buffer.from(request, 'latin1'),
    record: noBytes,
    timeoutMs,
    ...(abandoned === undefined ? {} : { signal: abandoned }),
  });
  if (!outcome.ok) {
    const code = failures[outcome.cause];
    return code === undefined
      ? handOff.passedOver(outcome.cause as NotHandedOff)
      : failed(code, `${target.name}: ${outcome.detail}`);
  }
  const offered = outcome.value;
  const head = parseResponseHead(offered.head);
  // A head before the final one, or none: over a connection of its own the target can send all that it has to send.
  if (typeof head !== 'object' || (head.status < 200 && head.status !== 101)) {
    offered.withdraw();
    return handOff.passedOver('bad response');
  }
  const body = checkResponse(head, record.key, target);
  if (body.ok) return success({ offered, head, body: body.value, record });
  offered.withdraw();
  return body;
}

/** The record is given when the target has responded: the name of its session comes with the response. */
const noBytes = Buffer.alloc(0);

/** Failures of the target or the client; any other outcome means only that the connection cannot be handed over. */
const failures: Partial<Record<NotOffered, FailureCode>> = {
  silent: 'target_silent',
  aborted: 'target_silent',
  // It has neither responded nor written anything, so another target can be asked.
  lost: 'target_unreachable',
  'client gone': 'client_gone',
};
