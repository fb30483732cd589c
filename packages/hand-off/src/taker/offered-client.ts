import type { OfferKind } from '../channel/offer-kind.ts';

/** A client that a giver offers. */
export interface OfferedClient {
  /** Its number at the giver. */
  readonly id: number;
  /** Of its connection. */
  readonly descriptor: number;
  readonly kind: OfferKind;
}
