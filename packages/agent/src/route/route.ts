import type { Identity } from '@gopush/contract';
import type { Member, Product } from './fleet.ts';

/** Who a client is, and which targets can serve it. */
export interface Route {
  readonly identity: Identity;
  readonly product: Product;
  /** The targets that may serve this client: those of its product, or those that a function named for this client alone. */
  readonly members: readonly Member[];
  /** The sticky signature of the client's session, if the request has one. */
  readonly signature: string | undefined;
  /** Whether a session may begin with this request. */
  readonly begins: boolean;
  /** Path and query for the target: with the uid if the target gets it by query, without any uid otherwise. */
  readonly path: string;
}
