/**
 * What is offered: `upgrade`, a client whose upgrade request has no response yet; `session`, one that has been
 * upgraded, and whose session continues at another taker.
 */
export type OfferKind = 'upgrade' | 'session';
